// One chat in progress: what is asked of the service, and what becomes of its answers.

import { call, lineOf, replyEvents } from "./api.js";
import { trouble } from "./notices.js";
import { noticesShown, sitting } from "./sitting.js";
import { filled, givenBefore, joined, lastUserIndex, loreStateOf, messagesOf, shownOf } from "./talk.js";

export class Conversation {
  #abort = null;

  constructor(character, chat, { person, save, changed, grew }) {
    Object.assign(this, { character, chat, person, save, changed, grew });
  }

  get isBusy() {
    return this.#abort !== null;
  }

  get last() {
    return this.chat.turns.at(-1);
  }

  get awaitsReply() {
    return !this.isBusy && (!this.last || this.last.role === "user");
  }

  get canRegenerate() {
    if (this.isBusy || this.last?.role !== "character") return false;
    return this.chat.turns.length > 1 || !this.isGreeting || this.last.alternatives.length < this.greetings;
  }

  get isGreeting() {
    return (
      this.chat.turns.length === 1 && this.last.alternatives.some((one) => one.reply?.finish_reason === "greeting")
    );
  }

  get greetings() {
    const { first_mes: first, alternate_greetings: others } = this.character.card;
    return [first, ...(others ?? [])].filter((greeting) => greeting?.trim()).length;
  }

  send(text) {
    this.#dropEmpty();
    this.chat.turns.push({ role: "user", text });
    return this.reply();
  }

  edit(text) {
    const index = lastUserIndex(this.chat);
    this.chat.turns.splice(index, Infinity, { role: "user", text });
    return this.reply();
  }

  reply() {
    this.chat.turns.push({ role: "character", shown: 0, alternatives: [] });
    return this.#stream();
  }

  regenerate() {
    return this.#stream();
  }

  get canGoOn() {
    return !this.isBusy && this.last?.role === "character" && Boolean(shownOf(this.last).text.trim());
  }

  get canWriteForUser() {
    return !this.isBusy && messagesOf(this.chat.turns).length > 0;
  }

  async goOn() {
    const one = shownOf(this.last);
    const before = { ...one };
    const request = { ...this.#request(this.chat.turns.length), mode: "continue" };
    let more = "";
    one.state = "streaming";
    const error = await this.#listen(request, (name, data) => {
      if (name === "delta") one.text = joined(before.text, (more += data.text));
      if (name === "done") Object.assign(one, { text: joined(before.text, data.text), reply: data, state: "done" });
      noticesShown(data.notices);
      if (name === "delta") this.grew(one);
    });
    if (one.state === "streaming") Object.assign(one, error ? before : { state: "stopped", trouble: null });
    if (error) trouble(error);
    this.#ended();
  }

  async writeForUser(show) {
    let text = "";
    const request = { ...this.#request(this.chat.turns.length), mode: "impersonate" };
    const error = await this.#listen(request, (name, data) => {
      if (name === "delta") text += data.text;
      if (name === "done") text = data.text;
      show(text);
    });
    if (error) trouble(error);
    this.#ended();
  }

  retry() {
    const { alternatives } = this.last;
    if (!shownOf(this.last).text) alternatives.splice(this.last.shown, 1);
    return this.#stream();
  }

  swipe(step) {
    const turn = this.last;
    if (this.isBusy || turn?.role !== "character" || !turn.alternatives[turn.shown + step]) return false;
    turn.shown += step;
    this.save();
    this.changed();
    return true;
  }

  stop() {
    this.#abort?.abort();
  }

  prompt(index) {
    const { user, scenario, mode, avoid } = shownOf(this.chat.turns[index]).asked;
    const asked = { ...this.#request(index), user, scenario, mode, avoid };
    return call("POST", "generate", { body: { ...asked, dry_run: true } });
  }

  #request(index) {
    const before = this.chat.turns.slice(0, index);
    return {
      messages: messagesOf(before),
      lore_state: loreStateOf(before),
      character: this.character.id ?? this.character.card,
      ...this.#asked(),
      ...sitting(),
    };
  }

  #asked() {
    const scenario = filled(this.chat.scenario);
    return { user: filled(this.person()), scenario: Object.keys(scenario).length ? scenario : null };
  }

  #mode(index, turn) {
    if (!index) return turn.alternatives.length < this.greetings ? { greeting: turn.alternatives.length } : {};
    const avoid = givenBefore(turn);
    return avoid.length ? { mode: "regenerate", avoid } : {};
  }

  #dropEmpty() {
    const turn = this.last;
    if (turn?.role !== "character" || shownOf(turn).text.trim()) return;
    turn.alternatives = turn.alternatives.filter((one) => one.text.trim());
    turn.shown = Math.max(0, turn.alternatives.length - 1);
    if (!turn.alternatives.length) this.chat.turns.pop();
  }

  async #stream() {
    const index = this.chat.turns.length - 1;
    const turn = this.last;
    const mode = this.#mode(index, turn);
    const request = { ...this.#request(index), ...mode };
    const one = { text: "", state: "streaming", trouble: null, reply: null, asked: { ...this.#asked(), ...mode } };
    turn.shown = turn.alternatives.push(one) - 1;
    this.save();
    const error = await this.#listen(request, (name, data) => this.#took(one, name, data));
    if (one.state === "streaming") one.state = error ? "broken" : "stopped";
    one.trouble = error && lineOf(error);
    this.#withoutEmpty(turn, one);
    this.#ended();
  }

  // Returns what went wrong, null where nothing did or the person stopped it.
  async #listen(request, took) {
    const { signal } = (this.#abort = new AbortController());
    this.changed();
    try {
      for await (const { name, data } of replyEvents(request, signal)) took(name, data);
      return null;
    } catch (error) {
      return signal.aborted ? null : error;
    }
  }

  #ended() {
    this.#abort = null;
    this.save();
    this.changed();
  }

  #took(one, name, data) {
    if (name === "facts") one.reply = data;
    if (name === "facts" && data.notices?.length) this.changed();
    noticesShown(data.notices);
    if (name === "delta") one.text += data.text;
    if (name === "done") Object.assign(one, { text: data.text, reply: data, state: "done" });
    if (name === "delta") this.grew(one);
  }

  #withoutEmpty(turn, one) {
    if (one.text || one.state !== "stopped") return;
    turn.alternatives.splice(turn.alternatives.indexOf(one), 1);
    turn.shown = Math.max(0, turn.alternatives.length - 1);
    if (!turn.alternatives.length) this.chat.turns.pop();
  }
}
