// The parts of the page: each asks for what it shows, and says so where it cannot have it.

import { call, Offline, Problem } from "./api.js";
import { $, button, h, notice } from "./dom.js";
import * as session from "./session.js";
import { t } from "./texts.js";

const ME = "/v1/residents/me";

/** Call the API about the resident who is signed in. */
export const me = (method, path, options) => call(method, `${ME}${path}`, options);

/** Let a part be seen, and its entry in the contents. */
export function reveal(name, seen) {
  $(`#${name}`).hidden = !seen;
  $(`[data-entry="${name}"]`).hidden = !seen;
}

/** Fill a part with what `ask` brings. What this service does not have is left out. */
export async function fill(name, ask, show) {
  const body = $(`#${name}-body`);
  try {
    const told = await ask();
    show(body, told);
    reveal(name, true);
  } catch (error) {
    const missing = error.status === 404 || !session.signedIn();
    reveal(name, !missing);
    if (missing) return;
    if (!(error instanceof Problem || error instanceof Offline)) throw error;
    const again = button(t("retry"), "secondary", { onclick: () => fill(name, ask, show) }, "refresh");
    body.replaceChildren(h("div", { role: "alert" }, notice("error", t("data_failed"), t("data_failed_help"), again)));
  }
}

/** A switch whose change is saved at once; where that fails it goes back and says so, as the error has `told`. */
export function toggle(label, checked, save, attributes = {}) {
  const problem = h("div", { role: "alert" });
  const input = h("input", { type: "checkbox", role: "switch", ...attributes, checked, onchange: async () => {
    problem.replaceChildren();
    try {
      await save(input.checked);
    } catch (error) {
      input.checked = !input.checked;
      problem.replaceChildren(notice("error", error.told ?? t("data_unsaved")));
    }
  } });
  return h("div", {}, h("label", { class: "switch" }, input, h("span", { class: "switch__track", "aria-hidden": "true" }), h("span", {}, label)), problem);
}

/** Things under each other on a panel; `empty` says that there are none. */
export const rows = (items, one, empty) =>
  (items.length ? h("ul", { class: "panel rows" }, ...items.map(one)) : h("p", { class: "panel" }, empty));
