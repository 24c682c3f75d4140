// Where messages come: an e-mail address and a mobile number, each confirmed by a code before it is used.

import { Problem } from "./api.js";
import { $, button, h, notice } from "./dom.js";
import { fill, me } from "./part.js";
import { say } from "./status.js";
import { lang, t } from "./texts.js";

const FIELDS = {
  email: { type: "email", autocomplete: "email", inputmode: "email", maxlength: 254 },
  sms: { type: "tel", autocomplete: "tel", inputmode: "tel", maxlength: 30 },
};
const CODE = { type: "text", autocomplete: "one-time-code", inputmode: "numeric", maxlength: 10 };

function wrong(error, means) {
  if (!(error instanceof Problem)) return t("data_unsaved");
  if (error.code === "invalid_input") return t(`invalid_${means}`);
  const known = { wrong_code: "address_wrong_code", too_often: "address_too_often", no_sender: "address_not_sent" };
  return t(known[error.code] ?? "data_unsaved");
}

/** A field with its label, its error beneath, and the button that sends it. */
function form({ id, label, help, field, press, look }, means, send) {
  const input = h("input", { ...field, class: "hds-text-input__input", id, "aria-describedby": `${id}-help ${id}-error`, required: true });
  const problem = h("p", { id: `${id}-error`, class: "field-error", role: "alert", hidden: true });
  const submit = async (event) => {
    event.preventDefault();
    problem.hidden = true;
    input.removeAttribute("aria-invalid");
    try {
      await send(input.value);
    } catch (error) {
      problem.textContent = wrong(error, means);
      problem.hidden = false;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  };
  const act = button(press, look);
  act.type = "submit";
  return h("form", { novalidate: true, onsubmit: submit },
    h("div", { class: "hds-text-input" }, h("label", { class: "hds-text-input__label", for: id }, label),
      h("div", { class: "hds-text-input__input-wrapper" }, input),
      h("span", { class: "hds-text-input__helper-text", id: `${id}-help` }, help)),
    problem, h("p", { class: "acts" }, act));
}

async function redraw(means, field) {
  draw($("#addresses-body"), await me("GET", "/addresses"));
  $(field ? `#${field}` : `#address-${means}-heading`)?.focus();
}

async function give(means, address) {
  await me("PUT", `/addresses/${means}`, { body: { address, language: lang } });
  say(t("address_sent_said"));
  await redraw(means, `code-${means}`);
}

async function confirm(means, code) {
  await me("POST", `/addresses/${means}/confirm`, { body: { code: code || "-" } });
  say(t("address_confirmed_said"));
  await redraw(means);
}

async function remove(means, problem) {
  problem.replaceChildren();
  try {
    await me("DELETE", `/addresses/${means}`);
    await redraw(means);
  } catch {
    return problem.replaceChildren(notice("error", t("data_unsaved")));
  }
  return say(t("address_removed_said"));
}

const asking = (means, look) => form({ id: `give-${means}`, label: t(`means_${means}`), help: t("address_help"),
  field: FIELDS[means], press: t("address_send"), look }, means, (value) => give(means, value));
const answering = (means) => form({ id: `code-${means}`, label: t("address_code"), help: t("address_code_help"), field: CODE,
  press: t("address_confirm"), look: "primary" }, means, (value) => confirm(means, value));

function box(means, items, sendable) {
  const own = items.filter((one) => one.means === means);
  const [used, waiting] = [own.find((one) => one.confirmed), own.find((one) => !one.confirmed)];
  const problem = h("div", { role: "alert" });
  const name = t(`means_${means}`);
  return h("section", { class: "panel", id: `address-${means}`, "aria-labelledby": `address-${means}-heading` },
    h("h3", { id: `address-${means}-heading`, tabindex: "-1" }, name),
    h("p", { class: "row__text" }, used ? t("address_used", { address: used.address }) : t("address_none")),
    waiting && h("p", { class: "row__text" }, t("address_waiting", { address: waiting.address })),
    waiting && answering(means),
    sendable.includes(means) ? asking(means, waiting ? "secondary" : "primary") : h("p", {}, t(`unsendable_${means}`)),
    problem,
    own.length > 0 && h("p", { class: "acts" }, button(t("address_remove"), "secondary",
      { "aria-label": t("address_remove_named", { name }), onclick: () => remove(means, problem) }, "cross")));
}

function draw(body, { items, sendable }) {
  body.replaceChildren(...Object.keys(FIELDS).map((means) => box(means, items, sendable)));
}

export const load = () => fill("addresses", () => me("GET", "/addresses"), draw);
