// The city's descriptions may hold simple HTML. It is parsed apart from the page, and only what is plain prose is built
// anew: no attribute, no link, no picture comes through.

const KEPT = ["P", "BR", "UL", "OL", "LI", "STRONG", "B", "EM", "I"];
const DROPPED = ["SCRIPT", "STYLE", "TEMPLATE", "IFRAME", "OBJECT"];

/** The nodes to show for a text that is plain or simple HTML. */
export function richText(text) {
  if (/<[a-z/]/i.test(text)) return [...built(new DOMParser().parseFromString(text, "text/html").body)];
  return text.split(/\n\s*\n|\n/).filter(Boolean).map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  });
}

function* built(parent) {
  for (const node of parent.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) yield document.createTextNode(node.data);
    else if (KEPT.includes(node.nodeName)) {
      const element = document.createElement(node.nodeName);
      element.append(...built(node));
      yield element;
    } else if (node.nodeType === Node.ELEMENT_NODE && !DROPPED.includes(node.nodeName)) yield* built(node);
  }
}
