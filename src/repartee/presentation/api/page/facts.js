// The drawer with everything that is remembered about the person.

import { call, factsPath } from "./api.js";
import { searchBox } from "./candidates.js";
import { confirmed, opened } from "./dialogs.js";
import { el, growing, iconButton, isComposing, textButton } from "./dom.js";
import { tried } from "./notices.js";
import { t } from "./words.js";

export function openFacts(person, character) {
  const user = person.name || person.id;
  if (!person.id) {
    opened(t("facts"), "drawer", el("p", { class: "aside" }, t("facts_nobody")));
    return;
  }
  opened(t("facts_title", { user }), "drawer", new FactDrawer(person.id, user, character).parts());
}

class FactDrawer {
  #list = el("ul", { class: "facts" });
  #more = el("div", { class: "buttons" });
  #withUntrue = el("input", { type: "checkbox", onchange: () => this.#load() });

  constructor(userId, user, character) {
    Object.assign(this, { userId, user, character });
  }

  parts() {
    this.#load();
    return [
      this.#newFact(),
      searchBox(this.userId, this.character),
      this.#list,
      this.#more,
      el("label", { class: "check" }, this.#withUntrue, t("with_untrue")),
      el(
        "div",
        { class: "buttons" },
        textButton(t("delete_all"), () => this.#deleteAll(), { class: "button danger" }),
      ),
    ];
  }

  #newFact() {
    const input = el("textarea", {
      rows: "1",
      dir: "auto",
      required: true,
      maxlength: "2000",
      "aria-label": t("fact_new"),
      placeholder: t("fact_new_hint"),
    });
    const fit = growing(input);
    const add = async (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (!text || !(await tried(() => call("POST", factsPath(this.userId), { body: { facts: [{ text }] } })))) return;
      input.value = "";
      fit();
      await this.#load();
    };
    input.addEventListener(
      "keydown",
      (event) => event.key === "Enter" && !event.shiftKey && !isComposing(event) && add(event),
    );
    return el("form", { class: "one-line", onsubmit: add }, input, el("button", { class: "button main" }, t("add")));
  }

  async #load(after = null) {
    const query = { limit: "50", superseded: String(this.#withUntrue.checked), ...(after && { after }) };
    const page = await tried(() => call("GET", factsPath(this.userId), { query }));
    if (!page) return;
    const rows = page.facts.map((fact) => this.#row(fact));
    if (after) this.#list.append(...rows);
    else this.#list.replaceChildren(...(rows.length ? rows : [el("li", { class: "aside" }, t("facts_none"))]));
    this.#more.replaceChildren(...(page.next ? [textButton(t("more"), () => this.#load(page.next))] : []));
  }

  #row(fact) {
    const holds = !fact.invalid_at;
    const change = (body) => () => this.#change(fact, body);
    const about = el(
      "p",
      { class: "fact-about" },
      fact.owner === "character" && el("span", { class: "badge" }, t("of_character", { name: fact.character })),
      fact.pinned && el("span", { class: "badge" }, t("pinned")),
      !holds && el("span", { class: "badge" }, t("was_true")),
      fact.evidence && el("q", { dir: "auto" }, fact.evidence),
    );
    const tools = el(
      "div",
      { class: "tools" },
      holds &&
        iconButton("pin", t(fact.pinned ? "unpin" : "pin"), change({ pinned: !fact.pinned }), {
          "aria-pressed": String(fact.pinned),
        }),
      iconButton("edit", t("edit"), () => this.#edit(fact)),
      holds
        ? iconButton("untrue", t("untrue"), change({ holds: false }))
        : iconButton("true", t("true_again"), change({ holds: true })),
      iconButton("delete", t("delete"), () => this.#delete(fact)),
    );
    return el(
      "li",
      { class: holds ? "fact" : "fact out", "data-id": fact.id },
      el("div", {}, el("p", { dir: "auto" }, fact.text), about),
      tools,
    );
  }

  #rowOf(fact) {
    return this.#list.querySelector(`[data-id="${CSS.escape(fact.id)}"]`);
  }

  #redraw(fact) {
    const row = this.#row(fact);
    const label = document.activeElement?.getAttribute("aria-label");
    this.#rowOf(fact)?.replaceWith(row);
    const same = [...row.querySelectorAll("button")].find((button) => button.getAttribute("aria-label") === label);
    (same ?? row.querySelector("button")).focus();
  }

  async #change(fact, body) {
    const changed = await tried(() => call("PATCH", factsPath(this.userId, `/${fact.id}`), { body }));
    if (!changed) return false;
    if (changed.invalid_at && !this.#withUntrue.checked) await this.#load();
    else this.#redraw(changed);
    return true;
  }

  #edit(fact) {
    const input = el("textarea", {
      rows: "1",
      dir: "auto",
      maxlength: "2000",
      "aria-label": t("fact_text"),
      value: fact.text,
    });
    const cancel = () => this.#redraw(fact);
    const save = async (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (!text || text === fact.text) cancel();
      else await this.#change(fact, { text });
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !isComposing(event)) save(event);
      if (event.key === "Escape") (event.preventDefault(), cancel());
    });
    growing(input);
    const form = el(
      "form",
      { class: "one-line", onsubmit: save },
      input,
      el("button", { class: "button main" }, t("save")),
      textButton(t("cancel"), cancel),
    );
    this.#rowOf(fact).replaceChildren(form);
    input.focus();
  }

  async #delete(fact) {
    if (!(await confirmed(t("delete_sure"), t("delete")))) return;
    if (await tried(() => call("DELETE", factsPath(this.userId, `/${fact.id}`)))) await this.#load();
  }

  async #deleteAll() {
    if (!(await confirmed(t("delete_all_sure", { user: this.user }), t("delete_all")))) return;
    if (await tried(() => call("DELETE", factsPath(this.userId)))) await this.#load();
  }
}
