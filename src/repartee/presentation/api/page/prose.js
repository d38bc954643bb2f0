// A message as nodes: *actions* in italics, **stress** in bold, all else as it is.

import { el } from "./dom.js";

const MARKED = /\*\*([^*]+)\*\*|\*([^*]+)\*/g;

export function prose(text, stillComing = false) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(MARKED)) {
    nodes.push(text.slice(end, match.index));
    nodes.push(match[1] ? el("strong", {}, match[1]) : el("em", {}, match[2]));
    end = match.index + match[0].length;
  }
  const rest = text.slice(end);
  const open = stillComing ? rest.indexOf("*") : -1;
  if (open < 0) return [...nodes, rest];
  return [...nodes, rest.slice(0, open), el("em", {}, rest.slice(open).replace(/^\*+/, ""))];
}

export function portrait(character, size = "") {
  const image = character.picture
    ? el("img", { src: character.picture, alt: "", draggable: "false" })
    : el("span", { "aria-hidden": "true" }, [...character.name.trim()][0]?.toLocaleUpperCase() ?? "?");
  const frame = el("div", { class: `portrait ${size}` }, image);
  frame.style.setProperty("--hue", hueOf(character.name));
  return frame;
}

const HUES = [10, 28, 48, 158, 180, 205, 228, 250, 272, 296, 320, 345];

export function hueOf(name) {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193);
  return HUES[(hash >>> 13) % HUES.length];
}
