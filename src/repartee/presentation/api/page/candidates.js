// What a message would find: every candidate with its similarity and what becomes of it.

import { call, factsPath } from "./api.js";
import { el } from "./dom.js";
import { tried } from "./notices.js";
import { t } from "./words.js";
import { scoreBar } from "./why.js";

export function searchBox(userId, character) {
  const input = el("input", {
    type: "text",
    enterkeyhint: "search",
    dir: "auto",
    required: true,
    maxlength: "2000",
    "aria-label": t("search"),
    placeholder: t("search_hint"),
  });
  const place = el("div", { "aria-live": "polite" });
  const search = async (event) => {
    event.preventDefault();
    const q = input.value.trim();
    const query = { q, limit: "10", ...(character && { character: character.card.name }) };
    const found = q && (await tried(() => call("GET", factsPath(userId, "/search"), { query })));
    if (found)
      place.replaceChildren(found.candidates.length ? table(found) : el("p", { class: "aside" }, t("search_none")));
  };
  const form = el(
    "form",
    { class: "one-line", onsubmit: search },
    input,
    el("button", { class: "button" }, t("search_go")),
  );
  return el("section", { class: "search" }, el("h3", {}, t("search")), form, place);
}

function table({ candidates, threshold }) {
  const least =
    typeof threshold === "number" && el("span", { class: "count" }, t("threshold", { value: threshold.toFixed(2) }));
  return el(
    "table",
    {},
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, t("fact_text")),
        el("th", { scope: "col" }, t("similarity"), " ", least),
        el("th", { scope: "col" }, t("verdict")),
      ),
    ),
    el(
      "tbody",
      {},
      candidates.map((candidate) => row(candidate, threshold)),
    ),
  );
}

function row({ text, scores, kept, verdict }, threshold) {
  return el(
    "tr",
    { class: kept ? "" : "out" },
    el("td", { dir: "auto" }, text),
    el("td", {}, scoreBar(scores.similarity, threshold)),
    el("td", {}, t(`verdict_${verdict}`)),
  );
}
