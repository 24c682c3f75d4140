// The mode without a profile: a choice of this browser alone. While it is on, the app asks for suggestions as anybody,
// tells nothing of what is done, and only what is chosen now counts.

import { $ } from "./dom.js";
import { say } from "./status.js";
import { t } from "./texts.js";

const KEY = "vinkki.unprofiled";

export const on = () => localStorage.getItem(KEY) === "true";

export function leave() {
  localStorage.removeItem(KEY);
}

/** Let the page's switch show and change the mode; `changed` is called afterwards. */
export function begin(changed) {
  const input = $("#mode");
  input.checked = on();
  input.addEventListener("change", () => {
    if (input.checked) localStorage.setItem(KEY, "true");
    else leave();
    say(t(input.checked ? "mode_on_said" : "mode_off_said"));
    changed();
  });
}
