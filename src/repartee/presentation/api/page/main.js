// Puts the page together: which screen is shown, the composer, files and keys.

import { characterOf, droppedCard, keptCard } from "./cards.js";
import { Conversation } from "./conversation.js";
import { byId, el, growing, isComposing, isTyping } from "./dom.js";
import { openFacts } from "./facts.js";
import { drawGallery } from "./gallery.js";
import { notice, say, tried } from "./notices.js";
import { hueOf, portrait } from "./prose.js";
import { openSettings } from "./settings.js";
import { emptyChat, exportedChat, isExportedChat, joined, readChat } from "./talk.js";
import { swiped } from "./swipes.js";
import { Thread } from "./thread.js";
import * as vault from "./vault.js";
import { t, translate } from "./words.js";

const thread = new Thread(byId("thread"));
const message = byId("message");
const fit = growing(message);
const conversations = new Map();
let current = null;
let person = vault.person();

// --- screens --------------------------------------------------------------------------------------

const hashKey = () => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
};

async function route() {
  const key = hashKey();
  const character = key && (await tried(() => conversations.get(key)?.character ?? characterOf(key)));
  if (key !== hashKey()) return;
  current = character ? conversationWith(character) : null;
  byId("gallery").hidden = Boolean(current);
  byId("chat").hidden = !current;
  byId("company").hidden = !current;
  document.title = current ? `${character.name} · Repartee` : "Repartee";
  document.documentElement.style.setProperty("--hue", current ? hueOf(character.name) : 285);
  if (current) enter();
  else await drawGallery();
}

function conversationWith(character) {
  const { key } = character;
  if (!conversations.has(key)) {
    const chat = vault.savedChat(key);
    const made = new Conversation(character, chat, {
      person: () => person,
      save: () => conversations.get(key) === made && vault.saveChat(key, made.chat),
      changed: () => made === current && redraw(),
      grew: (one) => made === current && thread.grow(one),
    });
    conversations.set(key, made);
  }
  return conversations.get(key);
}

function enter() {
  const { character, chat } = current;
  byId("company").replaceChildren(portrait(character, "small"), el("strong", { dir: "auto" }, character.name));
  message.value = chat.draft;
  message.placeholder = t("message_to", { name: character.name });
  fit();
  thread.show(current);
  redraw();
  if (matchMedia("(hover: hover)").matches) message.focus();
  if (!chat.turns.length) current.reply();
}

function redraw() {
  const { isBusy, character, last } = current;
  byId("send").hidden = isBusy;
  byId("stop").hidden = !isBusy;
  byId("write").disabled = !current.canWriteForUser;
  if (document.activeElement === document.body) message.focus({ preventScroll: true });
  if (isBusy) say(t("writing", { name: character.name }));
  else if (last?.role === "character") say(t("written", { name: character.name }));
  thread.draw();
}

// --- composer -------------------------------------------------------------------------------------

function send() {
  const text = message.value.trim();
  if (!text || !current || current.isBusy) return;
  message.value = current.chat.draft = "";
  fit();
  current.send(text);
  thread.toEnd();
}

message.addEventListener("input", () => {
  current.chat.draft = message.value;
  current.save();
});
message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
  event.preventDefault();
  send();
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
byId("stop").addEventListener("click", () => current.stop());
byId("write").addEventListener("click", async () => {
  const conversation = current;
  const begun = message.value;
  await conversation.writeForUser((text) => {
    conversation.chat.draft = begun.trim() ? joined(begun, text) : text;
    if (conversation !== current) return;
    message.value = conversation.chat.draft;
    fit();
  });
  if (conversation === current) message.focus();
});
swiped(byId("thread"), (step) => current?.swipe(step));

document.addEventListener("keydown", (event) => {
  if (!current || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") current.stop();
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const isFree = !isTyping(event.target) || (event.target === message && !message.value);
  if (step && isFree && !event.altKey && !event.ctrlKey && !event.metaKey && current.swipe(step))
    event.preventDefault();
  if (event.key === "ArrowUp" && event.target === message && !message.value)
    (event.preventDefault(), thread.editLast());
});

// --- files ----------------------------------------------------------------------------------------

async function take(file) {
  const exported = await exportedIn(file);
  if (exported) return openExported(exported);
  const { character, warnings } = await droppedCard(file);
  if (warnings.length) notice(t("card_warnings", { count: warnings.length, first: warnings[0] }));
  goTo(character.key);
}

async function exportedIn(file) {
  if (!file.name.toLowerCase().endsWith(".json")) return null;
  const value = parsedOrNull(await file.text());
  return isExportedChat(value) ? value : null;
}

function parsedOrNull(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the service says what is wrong with it
  }
}

function openExported({ character, chat }) {
  const { key, read } = readable(character, chat);
  conversations.get(key)?.stop();
  conversations.delete(key);
  vault.saveChat(key, read);
  goTo(key);
}

function readable(character, chat) {
  try {
    const read = readChat(chat);
    const { id, card, picture } = character;
    if (typeof (id ?? card.name) !== "string") throw new TypeError("a chat with nobody");
    return { read, key: id ?? keptCard(card, picture).key };
  } catch {
    throw new Error(t("not_a_chat"));
  }
}

function goTo(key) {
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  if (hashKey() === key) route();
  else location.hash = encodeURIComponent(key);
}

function download() {
  const { id, name, card, picture } = current.character;
  const character = id ? { id } : { card, picture };
  const text = JSON.stringify(exportedChat(current.chat, character), null, 2);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  el("a", { href: url, download: `${name.replace(/[^\p{L}\p{N}-]+/gu, "-")}.chat.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function clear() {
  current.stop();
  conversations.delete(current.character.key);
  vault.saveChat(current.character.key, { ...emptyChat(), scenario: current.chat.scenario, draft: current.chat.draft });
  goTo(current.character.key);
}

byId("card-file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file) await tried(() => take(file));
});

const dropping = byId("dropping");
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  dropping.hidden = false;
});
document.addEventListener("dragleave", (event) => (dropping.hidden ||= !event.relatedTarget));
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  dropping.hidden = true;
  const [file] = event.dataTransfer.files;
  if (file) tried(() => take(file));
});

// --- panels ---------------------------------------------------------------------------------------

byId("open-facts").addEventListener("click", () => openFacts(person, current?.character ?? null));
byId("open-settings").addEventListener("click", () => {
  openSettings({
    person,
    savePerson: (value) => vault.savePerson((person = value)),
    chat: current?.chat,
    saveChat: () => current.save(),
    actions: { export: download, import: () => byId("card-file").click(), clear },
  });
});

vault.onFullStorage(() => notice(t("storage_full"), "bad"));
addEventListener("pagehide", () => conversations.forEach((conversation) => conversation.save()));
addEventListener("hashchange", route);
translate(document);
route();
