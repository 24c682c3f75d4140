// The family: whom the resident acts for, who acts for the resident, and a helper's leave withdrawn.

import { $, button, h, notice } from "./dom.js";
import { fill, me, rows } from "./part.js";
import { say } from "./status.js";
import { t } from "./texts.js";
import { plainDay } from "./when.js";

/** People go by codes here, not by names: the beginning of a code is enough to tell them apart. */
const named = ({ id }) => t("family_person", { code: id.slice(0, 8) });
const since = (one) => t("family_since", { date: plainDay(one.since) });

function row(name, facts, ...acts) {
  return h("li", { class: "row" }, h("div", { class: "row__text" }, h("p", { class: "row__name" }, name),
    ...facts.map((fact) => h("p", { class: "note" }, fact))), ...acts);
}

const dependant = (child) => row(t("family_child", { date: plainDay(child.birth_date) }), [t("family_count", { n: child.guardians }), since(child)]);
const guardian = (one) => row(t(one.you ? "family_you" : "family_guardian"), [since(one)]);


function may({ actions, until }) {
  const words = actions.map((action) => t(`action_${action.replace(":", "_")}`)).join(", ");
  return [t("family_may", { actions: words }), t("family_until", { date: plainDay(until) })];
}

const helping = (one) => row(named(one), may(one));

function helper(one) {
  const name = named(one);
  const press = { "aria-label": t("family_end_named", { name }), onclick: () => end(one) };
  return row(name, may(one), button(t("family_end"), "secondary", press));
}

async function end(one) {
  const problem = $("#family-problem");
  problem.replaceChildren();
  try {
    draw(await me("DELETE", `/helpers/${one.id}`));
  } catch {
    return problem.replaceChildren(notice("error", t("data_unsaved")));
  }
  say(t("family_ended_said", { name: named(one) }));
  return $("#family-heading").focus();
}

const GROUPS = { dependants: dependant, guardians: guardian, helpers: helper, helping };

function draw(ties) {
  const groups = Object.keys(GROUPS).filter((key) => ties[key].length);
  const lists = groups.flatMap((key) => [h("h3", {}, t(`family_${key}`)), rows(ties[key], GROUPS[key], "")]);
  const none = h("p", { class: "panel" }, t("family_none"));
  $("#family-body").replaceChildren(h("div", { id: "family-problem", role: "alert" }), ...(lists.length ? lists : [none]));
}

export const load = () => fill("family", () => me("GET", "/family"), (_, ties) => draw(ties));
