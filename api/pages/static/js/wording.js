// The notices of one topic on several channels are put together from the same sentences: about the topic, about the
// channel, and for all. Said once each, they are shorter to read, and still the very words that are agreed to.

const SENTENCES = /(?<=[.!?])\s+/;

function alike(lists) {
  const [first] = lists;
  const least = Math.min(...lists.map((list) => list.length));
  let n = 0;
  while (n < least && lists.every((list) => list[n] === first[n])) n += 1;
  return n;
}

/** What notices {title, text} of {text, code} share, and what is each one's own. */
export function shared(notices) {
  const { code } = notices[0].text;
  const texts = notices.map(({ text }) => text.text.split(SENTENCES));
  const start = notices.length > 1 ? alike(texts) : texts[0].length;
  const end = alike(texts.map((sentences) => sentences.slice(start).reverse()));
  const own = (sentences) => sentences.slice(start, sentences.length - end).join(" ");
  const cut = notices.map(({ title }) => title.text.lastIndexOf(": "));
  return {
    code,
    title: notices[0].title.text.slice(0, cut[0]),
    text: texts[0].slice(0, start).join(" "),
    ending: end ? texts[0].slice(-end).join(" ") : "",
    channels: notices.map(({ title }, n) => ({ name: title.text.slice(cut[n] + 2), text: own(texts[n]) })),
  };
}
