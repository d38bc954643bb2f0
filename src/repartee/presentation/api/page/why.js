// Why a reply is as it is: facts, lorebook, guard, model, times, and the prompt itself.

import { lineOf } from "./api.js";
import { el, textButton } from "./dom.js";
import { t } from "./words.js";

export function whyParts({ reply }, fetchPrompt) {
  const panel = el("div", { class: "why", hidden: true });
  const toggle = () => {
    if (!panel.childElementCount) panel.append(...inside(reply, fetchPrompt));
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
  };
  const count = reply.facts?.length ?? 0;
  const button = el(
    "button",
    { type: "button", class: "why-button", "aria-expanded": "false", "data-act": "why", onclick: toggle },
    t("why"),
    count > 0 && el("span", { class: "count" }, t("why_facts", { count })),
  );
  return { button, panel };
}

function inside(reply, fetchPrompt) {
  const { retrieval = {}, facts = [], lore, guard } = reply;
  return [
    el("p", {}, t(`retrieval_${retrieval.status}`), threshold(retrieval)),
    facts.length > 0 &&
      el(
        "ul",
        { class: "scores" },
        facts.map((fact) => usedFact(fact, retrieval.threshold)),
      ),
    lore?.entries?.length > 0 && section(t("lore"), lore.entries.map(loreEntry)),
    guard?.interventions?.length > 0 && section(t("guard"), guard.interventions.map(intervention)),
    numbers(reply),
    promptButton(fetchPrompt),
  ].filter(Boolean);
}

function threshold({ threshold: least }) {
  return typeof least === "number" && el("span", { class: "count" }, t("threshold", { value: least.toFixed(2) }));
}

function usedFact({ text, score, pinned }, least) {
  return el(
    "li",
    {},
    el("span", { dir: "auto" }, text),
    pinned && el("span", { class: "badge" }, t("pinned")),
    scoreBar(score, least),
  );
}

export function scoreBar(score, least) {
  const value = Math.max(0, Math.min(1, Number(score) || 0));
  const bar = el(
    "span",
    { class: "score", role: "img", "aria-label": `${t("similarity")} ${value.toFixed(2)}` },
    el("span", { class: "score-number" }, value.toFixed(2)),
  );
  bar.style.setProperty("--score", value);
  if (typeof least === "number") bar.style.setProperty("--least", Math.max(0, least));
  return bar;
}

function section(title, rows) {
  return el("section", {}, el("h3", {}, title), el("ul", {}, rows));
}

function loreEntry({ book, name, fired, reason, key, tokens }) {
  const about = [book, reason, key, Number.isFinite(tokens) ? `${tokens} ${t("tokens").toLocaleLowerCase()}` : ""]
    .filter(Boolean)
    .join(" · ");
  return el(
    "li",
    { class: fired === false ? "out" : "" },
    el("strong", { dir: "auto" }, name ?? ""),
    " ",
    el("span", { class: "count" }, about),
  );
}

function intervention({ rule, ...rest }) {
  const about = Object.entries(rest)
    .filter(([, value]) => value && ["string", "number", "boolean"].includes(typeof value))
    .map(([name, value]) => `${name}: ${value}`)
    .join(" · ");
  return el("li", {}, el("strong", {}, rule ?? ""), " ", el("span", { class: "count", dir: "auto" }, about));
}

function numbers({ model, finish_reason: finish, usage, timings, request_id: request }) {
  const ms = (value) => Math.round(value ?? 0);
  const rows = [
    [t("model"), model],
    [t("tokens"), usage && t("tokens_of", { prompt: usage.prompt_tokens, completion: usage.completion_tokens })],
    [
      t("time"),
      timings &&
        t("time_of", { total: ms(timings.total_ms), retrieval: ms(timings.retrieval_ms), model: ms(timings.model_ms) }),
    ],
    [t("finish"), finish],
    [t("request"), request],
  ];
  return el(
    "dl",
    {},
    rows.filter(([, value]) => value).map(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]),
  );
}

function promptButton(fetchPrompt) {
  const place = el("div", { class: "prompt" });
  const button = textButton(t("show_prompt"), async () => {
    button.disabled = true;
    try {
      const { prompt } = await fetchPrompt();
      place.replaceChildren(el("p", { class: "aside" }, t("prompt_note")), ...prompt.map(part));
    } catch (error) {
      button.disabled = false;
      place.append(el("p", { class: "bad", role: "alert" }, lineOf(error)));
    }
  });
  place.append(button);
  return place;
}

function part({ role, content }) {
  return el("section", {}, el("h3", {}, role), el("pre", { dir: "auto", tabindex: "0" }, content));
}
