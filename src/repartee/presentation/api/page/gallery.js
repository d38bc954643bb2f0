// The first screen: everyone one can talk to, and a place for a card of one's own.

import { call } from "./api.js";
import { allCharacters } from "./cards.js";
import { confirmed } from "./dialogs.js";
import { byId, el, icon, iconButton } from "./dom.js";
import { tried } from "./notices.js";
import { hueOf, portrait } from "./prose.js";
import { forgetCard, hasChat } from "./vault.js";
import { t } from "./words.js";

export async function drawGallery() {
  const characters = await tried(allCharacters);
  byId("characters").replaceChildren(...(characters ?? []).map(tile), dropTile());
  const alive = await call("GET", "healthz").catch(() => null);
  if (alive)
    byId("running").textContent = alive.model === "offline" ? t("runs_offline") : t("runs_on", { model: alive.model });
}

function tile(character) {
  const { key, name, card } = character;
  const link = el(
    "a",
    { class: "tile", href: `#${encodeURIComponent(key)}`, lang: card.language },
    portrait(character, "large"),
    el(
      "span",
      { class: "tile-words" },
      el("strong", { dir: "auto" }, name),
      el("span", { class: "tile-line", dir: "auto" }, lineAbout(card)),
      hasChat(key) && el("span", { class: "badge" }, t("go_on")),
    ),
  );
  link.style.setProperty("--hue", hueOf(name));
  return el("li", {}, link, character.id ? null : removal(key, name));
}

function lineAbout(card) {
  const spoken = (card.first_mes ?? "").replace(/\*[^*]*\*/g, " ").trim();
  const line = spoken || card.first_mes || card.creator_notes || card.description || "";
  const nameless = line.replace(/,\s*\{\{user\}\}(?=\p{P})|\{\{user\}\},?\s*/giu, "");
  return nameless.replace(/\s+(?=[,.!?…])/g, "").slice(0, 240);
}

function removal(key, name) {
  const label = t("forget_card", { name });
  return iconButton(
    "close",
    label,
    async () => {
      if (!(await confirmed(t("forget_card_sure", { name }), t("remove")))) return;
      forgetCard(key);
      drawGallery();
    },
    { class: "tool tile-remove" },
  );
}

function dropTile() {
  const choose = () => byId("card-file").click();
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", class: "tile drop-tile", onclick: choose },
      el("span", { class: "portrait large" }, icon("card")),
      el(
        "span",
        { class: "tile-words" },
        el("strong", {}, t("your_card")),
        el("span", { class: "tile-line" }, t("your_card_hint")),
      ),
    ),
  );
}
