// What this browser keeps: chats, dropped cards and who the person is; the key for this tab only.

import { emptyChat, readChat } from "./talk.js";

const CHAT = "repartee.chat.";
const CARDS = "repartee.cards";
const PERSON = "repartee.person";
const KEY = "repartee.key";

let complain = () => {};

export function onFullStorage(listener) {
  complain = listener;
}

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    complain();
  }
}

export const savedKey = () => sessionStorage.getItem(KEY) ?? "";

export function saveKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

export function person() {
  const saved = read(PERSON);
  if (saved && typeof saved === "object") return { id: "", name: "", description: "", ...saved };
  const made = { id: `guest-${Math.random().toString(36).slice(2, 8)}`, name: "", description: "" };
  write(PERSON, made);
  return made;
}

export const savePerson = (value) => write(PERSON, value);

export function savedChat(key) {
  const saved = read(CHAT + key);
  try {
    return saved ? readChat(saved) : emptyChat();
  } catch {
    return emptyChat();
  }
}

export const hasChat = (key) => savedChat(key).turns.some((turn) => turn.role === "user");

export const saveChat = (key, chat) => write(CHAT + key, chat);

export const forgetChat = (key) => localStorage.removeItem(CHAT + key);

export function savedCards() {
  const cards = read(CARDS);
  return Array.isArray(cards) ? cards.filter((card) => typeof card?.character?.name === "string") : [];
}

export function saveCard(card) {
  write(CARDS, [card, ...savedCards().filter((other) => other.key !== card.key)]);
}

export function forgetCard(key) {
  write(
    CARDS,
    savedCards().filter((card) => card.key !== key),
  );
  forgetChat(key);
}
