// The conversation on the screen. A turn is drawn again only when it changed.

import { copied, el, growing, icon, iconButton, isComposing, textButton } from "./dom.js";
import { say } from "./notices.js";
import { portrait, prose } from "./prose.js";
import { lastUserIndex, shownOf } from "./talk.js";
import { whyParts } from "./why.js";
import { t } from "./words.js";

export class Thread {
  #drawn = [];
  #editing = null;

  constructor(root) {
    this.root = root;
  }

  show(conversation) {
    this.conversation = conversation;
    this.#drawn = [];
    this.#editing = null;
    this.root.replaceChildren();
    this.draw();
    this.toEnd();
  }

  draw() {
    const { chat } = this.conversation;
    const follow = this.isAtEnd;
    const focused = document.activeElement?.closest?.("[data-act]")?.dataset.act;
    chat.turns.forEach((turn, index) => this.#put(index, turn));
    while (this.#drawn.length > chat.turns.length) this.#drawn.pop().node.remove();
    this.root.querySelector(".waiting")?.remove();
    if (this.conversation.awaitsReply && chat.turns.length) this.root.append(this.#waiting());
    if (focused && !document.activeElement?.closest?.("[data-act]"))
      this.root.querySelector(`.turn:last-of-type [data-act="${focused}"]:enabled`)?.focus();
    if (follow) this.toEnd();
  }

  grow(one) {
    const place = this.root.querySelector(".turn:last-of-type .prose");
    if (!place || shownOf(this.conversation.last) !== one) return;
    const follow = this.isAtEnd;
    place.replaceChildren(...prose(one.text, true));
    if (follow) this.toEnd();
  }

  get isAtEnd() {
    return this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < 80;
  }

  toEnd() {
    this.root.scrollTop = this.root.scrollHeight;
  }

  editLast() {
    const index = lastUserIndex(this.conversation.chat);
    if (index < 0 || this.conversation.isBusy) return;
    this.#editing = index;
    this.draw();
    this.root.querySelector(".editor textarea")?.focus();
  }

  #put(index, turn) {
    const key = this.#signature(index, turn);
    const before = this.#drawn[index];
    if (before?.key === key) return;
    const node = turn.role === "user" ? this.#userTurn(index, turn) : this.#characterTurn(index, turn);
    if (before) before.node.replaceWith(node);
    else this.root.append(node);
    this.#drawn[index] = { key, node };
  }

  #signature(index, turn) {
    const { chat, isBusy } = this.conversation;
    const place = [index === chat.turns.length - 1, index === lastUserIndex(chat), index === this.#editing, isBusy];
    if (turn.role === "user") return JSON.stringify([...place.slice(1), turn.text]);
    const { state, text, trouble, reply } = shownOf(turn);
    return JSON.stringify([
      place[0],
      place[0] && isBusy,
      turn.shown,
      turn.alternatives.length,
      state,
      state === "streaming" ? "" : text,
      trouble,
      reply?.notices,
    ]);
  }

  #userTurn(index, turn) {
    if (index === this.#editing) return this.#editor(turn);
    const isLast = index === lastUserIndex(this.conversation.chat);
    const tools = el(
      "footer",
      { class: "tools" },
      isLast &&
        iconButton("edit", t("edit"), () => this.editLast(), {
          "data-act": "edit",
          disabled: this.conversation.isBusy,
        }),
      copyButton(turn.text),
    );
    return el(
      "article",
      { class: "turn user", "aria-label": t("you") },
      el("div", { class: "prose", dir: "auto" }, prose(turn.text)),
      tools,
    );
  }

  #editor(turn) {
    const input = el("textarea", { dir: "auto", "aria-label": t("edit"), rows: "1", value: turn.text });
    const end = () => {
      this.#editing = null;
      this.draw();
    };
    const save = () => {
      if (!input.value.trim()) return;
      this.#editing = null;
      this.conversation.edit(input.value.trim());
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !isComposing(event)) (event.preventDefault(), save());
      if (event.key === "Escape") (event.stopPropagation(), end());
    });
    growing(input);
    const buttons = el(
      "div",
      { class: "buttons" },
      textButton(t("cancel"), end),
      textButton(t("save_and_send"), save, { class: "button main" }),
    );
    return el("article", { class: "turn user editor" }, input, buttons);
  }

  #characterTurn(index, turn) {
    const { character, chat } = this.conversation;
    const one = shownOf(turn);
    const isStreaming = one.state === "streaming";
    const isLast = index === chat.turns.length - 1;
    const words = el(
      "div",
      { class: isStreaming && !one.text ? "prose dots" : "prose", dir: "auto" },
      prose(one.text, isStreaming),
    );
    const body = el("div", { class: "turn-body" }, el("p", { class: "speaker", dir: "auto" }, character.name));
    body.append(...told(one.reply), words);
    if (one.state === "stopped") body.append(el("p", { class: "aside" }, t("stopped")));
    if (one.trouble) body.append(this.#trouble(one, isLast));
    if (!isStreaming) body.append(...this.#tools(index, turn, isLast));
    return el(
      "article",
      { class: "turn character", "aria-busy": String(isStreaming), "aria-label": character.name },
      portrait(character),
      body,
    );
  }

  #tools(index, turn, isLast) {
    const one = shownOf(turn);
    const why = one.reply && whyParts(one, () => this.conversation.prompt(index));
    const tools = el(
      "footer",
      { class: "tools" },
      why?.button,
      isLast && turn.alternatives.length > 1 && this.#swipes(turn),
      isLast &&
        one.text &&
        this.conversation.canRegenerate &&
        iconButton("again", t("again"), () => this.conversation.regenerate(), { "data-act": "again" }),
      isLast &&
        this.conversation.canGoOn &&
        iconButton("further", t("further"), () => this.conversation.goOn(), { "data-act": "further" }),
      one.text && copyButton(one.text),
    );
    return why ? [tools, why.panel] : [tools];
  }

  #swipes(turn) {
    const count = turn.alternatives.length;
    const step = (by, name, label) =>
      iconButton(name, label, () => this.conversation.swipe(by), {
        "data-act": name,
        disabled: !turn.alternatives[turn.shown + by],
      });
    return el(
      "span",
      { class: "swipes" },
      step(-1, "back", t("before")),
      el("span", {}, t("version_of", { place: turn.shown + 1, count })),
      step(1, "next", t("after")),
    );
  }

  #trouble(one, isLast) {
    const retry = isLast && textButton(t("retry"), () => this.conversation.retry(), { "data-act": "retry" });
    return el("div", { class: "trouble", role: "alert" }, el("p", {}, one.trouble), retry);
  }

  #waiting() {
    const button = textButton(t("get_reply"), () => this.conversation.reply(), { "data-act": "retry" });
    button.prepend(icon("again"));
    return el("div", { class: "waiting" }, button);
  }
}

// What the service wants told to the person beside the reply.
function told(reply) {
  return (reply?.notices ?? [])
    .map(({ kind, text }) => text || (kind === "crisis_resources" ? t("crisis_resources") : ""))
    .filter(Boolean)
    .map((text) => el("p", { class: "told", role: "note", dir: "auto" }, text));
}

function copyButton(text) {
  return iconButton(
    "copy",
    t("copy"),
    async (event) => {
      await copied(text);
      say(t("copied"));
      event.target.closest("button")?.classList.add("done");
    },
    { "data-act": "copy" },
  );
}
