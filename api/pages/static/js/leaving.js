// Taking one's data along, and erasing it all.

import { file } from "./api.js";
import { $, $$, notice } from "./dom.js";
import { me } from "./part.js";
import { give } from "./savefile.js";
import { say } from "./status.js";
import { lang, t } from "./texts.js";

const dialog = $("#erase-dialog");
const sure = $("#erase-sure");
let busy = false;

async function download(format) {
  const problem = $("#download-problem");
  problem.replaceChildren();
  try {
    give(await file("/v1/residents/me/data/download", { format, lang }), `vinkki-${t("download_name")}.${format}`);
    say(t("download_said"));
  } catch {
    problem.replaceChildren(notice("error", t("download_failed")));
  }
}

function unsure(wrong) {
  $("#erase-error").hidden = !wrong;
  sure.setAttribute("aria-invalid", String(wrong));
  if (wrong) sure.focus();
}

function ask() {
  sure.checked = false;
  unsure(false);
  $("#erase-problem").replaceChildren();
  dialog.showModal();
  $("#erase-question").focus();
}

async function erase(erased) {
  if (!sure.checked) return unsure(true);
  if (busy) return null;
  busy = true;
  $("#erase-problem").replaceChildren();
  try {
    await me("DELETE", "");
  } catch {
    return $("#erase-problem").replaceChildren(notice("error", t("erase_failed")));
  } finally {
    busy = false;
  }
  dialog.close();
  return erased();
}

/** `erased` is called when nothing is left. */
export function begin(erased) {
  for (const press of $$("[data-format]")) press.addEventListener("click", () => download(press.dataset.format));
  $("#erase-open").addEventListener("click", ask);
  $("#erase-cancel").addEventListener("click", () => dialog.close());
  sure.addEventListener("change", () => unsure(false));
  $("#erase-form").addEventListener("submit", (event) => {
    event.preventDefault();
    erase(erased);
  });
}
