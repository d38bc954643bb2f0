// Dialogs: Esc or a click beside one closes it, and the focus goes back to where it was.

import { el, iconButton, textButton } from "./dom.js";
import { t } from "./words.js";

let counter = 0;

export function opened(title, kind, content, { closed = () => {} } = {}) {
  const id = `dialog-${(counter += 1)}`;
  const before = document.activeElement;
  const dialog = el("dialog", { class: kind, "aria-labelledby": id });
  const heading = el(
    "header",
    {},
    el("h2", { id }, title),
    iconButton("close", t("close"), () => dialog.close()),
  );
  dialog.append(heading, el("div", { class: "dialog-content" }, content));
  dialog.addEventListener("mousedown", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    document.body.append(...dialog.querySelectorAll(".notices"));
    dialog.remove();
    before?.focus?.();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function confirmed(question, action) {
  return new Promise((resolve) => {
    let answer = false;
    const yes = textButton(
      action,
      () => {
        answer = true;
        dialog.close();
      },
      { class: "button danger" },
    );
    const buttons = el(
      "div",
      { class: "buttons" },
      textButton(t("cancel"), () => dialog.close()),
      yes,
    );
    const dialog = opened(question, "question", buttons, { closed: () => resolve(answer) });
    yes.focus();
  });
}

export function field(label, control, help = null) {
  return el("label", { class: "field" }, el("span", {}, label), control, help && el("small", {}, help));
}
