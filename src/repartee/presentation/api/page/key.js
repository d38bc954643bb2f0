// The dialog that asks for an API key. Requests that wait for one share it.

import { opened, field } from "./dialogs.js";
import { el } from "./dom.js";
import { saveKey } from "./vault.js";
import { t } from "./words.js";

let asking = null;

export function askForKey(wasWrong) {
  asking ??= asked(wasWrong).finally(() => (asking = null));
  return asking;
}

function asked(wasWrong) {
  return new Promise((resolve) => {
    let given = "";
    const input = el("input", { type: "password", required: true, autocomplete: "off", spellcheck: "false" });
    const form = el(
      "form",
      {
        onsubmit(event) {
          event.preventDefault();
          given = input.value.trim();
          dialog.close();
        },
      },
      wasWrong && el("p", { class: "bad", role: "alert" }, t("key_wrong")),
      field(t("key"), input, t("key_note")),
      el("div", { class: "buttons" }, el("button", { class: "button main" }, t("enter"))),
    );
    const dialog = opened(t("key_title"), "question", form, {
      closed() {
        if (given || wasWrong) saveKey(given);
        resolve(Boolean(given));
      },
    });
    input.focus();
  });
}
