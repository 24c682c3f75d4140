// Files that the page gives to the reader to keep.

import { h } from "./dom.js";

/** Let the browser save a file under a name. */
export function give(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
