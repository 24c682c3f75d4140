// Small helpers for building the page. Text is always set as text, never as HTML.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Make an element: `on…` names are listeners, true is an empty attribute, false, null and undefined are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  return h("span", { class: `hds-icon hds-icon--${name} hds-icon--size-s`, "aria-hidden": "true" });
}

/** A Helsinki Design System button; `look` is primary, secondary or supplementary. */
export function button(label, look, attributes = {}, iconName = null) {
  const text = h("span", {}, label);
  const kind = `hds-button hds-button--${look} hds-button--small`;
  return h("button", { type: "button", ...attributes, class: kind }, iconName && icon(iconName), text);
}

export function clone(template) {
  return document.getElementById(template).content.firstElementChild.cloneNode(true);
}

export const part = (root, name) => $(`[data-part="${name}"]`, root);
export const act = (root, name) => $(`[data-act="${name}"]`, root);

/** A notice that says what happened and what to do; `look` is info, alert or error. */
export function notice(look, label, body, ...acts) {
  return h("div", { class: `hds-notification hds-notification--${look}` },
    h("div", { class: "hds-notification__content" },
      h("p", { class: "hds-notification__label" }, label),
      body && h("p", { class: "hds-notification__body" }, body),
      acts.length > 0 && h("p", { class: "acts" }, ...acts)));
}

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
