// One line that stays until it is closed, and one that is only for screen readers.

import { byId, el, iconButton } from "./dom.js";
import { lineOf } from "./api.js";
import { t } from "./words.js";

const list = byId("notices");

export function notice(line, kind = "plain") {
  const box = el(
    "div",
    { class: `notice ${kind}` },
    el("p", { dir: "auto" }, line),
    iconButton("close", t("close"), () => box.remove()),
  );
  const home = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  home.append(list); // above a modal dialog, or it could not be reached
  list.replaceChildren(box);
  if (kind === "plain") setTimeout(() => box.remove(), 6000);
}

export const trouble = (error) => notice(lineOf(error), "bad");

export function say(line) {
  byId("status").textContent = line;
}

export async function tried(work) {
  try {
    return await work();
  } catch (error) {
    trouble(error);
    return null;
  }
}
