// Characters: those of the service, and cards that were dropped on the page.

import { call, Failure } from "./api.js";
import { savedCards, saveCard } from "./vault.js";
import { language, t } from "./words.js";

const MOST_BYTES = 16 * 1024 * 1024;
const PICTURE_SIDE = 384;
const MOST_PICTURE_BYTES = 200_000;

export async function allCharacters() {
  const { characters } = await call("GET", "characters");
  const shipped = await Promise.all(
    characters.map(async ({ id }) => shippedCharacter(id, await call("GET", `characters/${id}`))),
  );
  const isForeign = ({ card }) => Number(card.language !== language);
  return [...savedCards().map(ownCharacter), ...shipped.sort((one, other) => isForeign(one) - isForeign(other))];
}

export async function characterOf(key) {
  const own = savedCards().find((card) => card.key === key);
  return own ? ownCharacter(own) : shippedCharacter(key, await call("GET", `characters/${encodeURIComponent(key)}`));
}

export async function droppedCard(file) {
  if (file.size > MOST_BYTES) throw new Failure(t("too_large"));
  const parsed = await call("POST", "characters/parse", { body: new Blob([file]) });
  const picture = (await pictureOf(file)) ?? (parsed.picture && (await pictureOf(unpacked(parsed.picture))));
  const card = keptCard(parsed.character, picture);
  return { character: ownCharacter(card), warnings: parsed.warnings };
}

export function keptCard(character, picture) {
  const isPicture = typeof picture === "string" && picture.startsWith("data:image/");
  const card = { key: `card-${digest(JSON.stringify(character))}`, character, picture: isPicture ? picture : null };
  saveCard(card);
  return card;
}

export function ownCharacter({ key, character, picture }) {
  return { key, id: null, name: nameOf(character), card: character, picture };
}

function shippedCharacter(id, character) {
  return { key: id, id, name: nameOf(character), card: character, picture: null };
}

const nameOf = (character) => character.nickname || character.name;

const unpacked = (base64) => new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))]);

async function pictureOf(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null; // a card without a picture
  }
  const scale = Math.min(1, PICTURE_SIDE / Math.min(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(Math.min(bitmap.width * scale, 2 * PICTURE_SIDE)));
  canvas.height = Math.max(1, Math.round(Math.min(bitmap.height * scale, 2 * PICTURE_SIDE)));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const picture = canvas.toDataURL("image/webp", 0.85);
  return picture.length > MOST_PICTURE_BYTES ? canvas.toDataURL("image/jpeg", 0.6) : picture;
}

function digest(text) {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (let place = 0; place < text.length; place += 1) {
    one = Math.imul(one ^ text.charCodeAt(place), 2654435761);
    two = Math.imul(two ^ text.charCodeAt(place), 1597334677);
  }
  return (one >>> 0).toString(16).padStart(8, "0") + (two >>> 0).toString(16).padStart(8, "0");
}
