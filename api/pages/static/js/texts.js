// The page's words in its own language, and the city's texts in whichever languages they exist.

export const lang = document.documentElement.lang;
const ORDER = [lang, "fi", "en", "sv"];
const plurals = new Intl.PluralRules(lang);
const numbers = new Intl.NumberFormat(lang, { maximumFractionDigits: 1 });
const languageNames = new Intl.DisplayNames(lang, { type: "language" });
let texts = {};

export async function load() {
  const response = await fetch(`/app/static/texts/${lang}.json`);
  if (!response.ok) throw new Error(`The texts in ${lang} could not be read.`);
  texts = await response.json();
}

/** The text of `key`, in the plural form of `values.n`, with `{name}` filled from `values`. */
export function t(key, values = {}) {
  const found = texts[key];
  if (found === undefined) throw new Error(`There is no text ${key}.`);
  const text = typeof found === "string" ? found : found[plurals.select(values.n)];
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? numbers.format(values[name]) : values[name]));
}

/** The text of a localized value and the language it is in. */
export function pick(localized = {}) {
  const code = ORDER.find((one) => localized?.[one]);
  return { text: code ? localized[code] : "", code: code ?? lang };
}

/** Put a text of the city into an element, and declare its language where it is not the page's. */
export function put(element, localized) {
  const { text, code } = pick(localized);
  element.textContent = text;
  declare(element, code);
  return element;
}

export function declare(element, code) {
  if (code === lang) element.removeAttribute("lang");
  else element.setAttribute("lang", code);
}

export const languageName = (code) => languageNames.of(code) ?? code;
export const languageList = (codes) => new Intl.ListFormat(lang, { type: "unit" }).format(codes.map(languageName));
export const small = (text) => text.charAt(0).toLocaleLowerCase(lang) + text.slice(1);
export const capital = (text) => text.charAt(0).toLocaleUpperCase(lang) + text.slice(1);

export function distance(metres) {
  const far = metres >= 1000;
  const format = new Intl.NumberFormat(lang, { style: "unit", unit: far ? "kilometer" : "meter", maximumSignificantDigits: 2 });
  return format.format(far ? metres / 1000 : Math.max(50, Math.round(metres / 50) * 50));
}
