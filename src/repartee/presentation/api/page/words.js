// What the page says, in the browser's language where it is known.

import { english } from "./words_en.js";
import { russian } from "./words_ru.js";

export const language = navigator.language.toLowerCase().startsWith("ru") ? "ru" : "en";

const words = language === "ru" ? russian : english;
const plurals = new Intl.PluralRules(language);

export function t(key, values = {}) {
  const entry = words[key] ?? english[key] ?? key;
  const text = typeof entry === "string" ? entry : (entry[plurals.select(values.count)] ?? entry.other);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function translate(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.dataset.label));
    if (element.tagName === "BUTTON") element.title = t(element.dataset.label);
  }
}
