// Who the person is, where the chat happens, and what can be done with the chat as a whole.

import { confirmed, field, opened } from "./dialogs.js";
import { el, growing, textButton } from "./dom.js";
import { savedKey, saveKey } from "./vault.js";
import { t } from "./words.js";

const USER_ID = "[A-Za-z0-9_][A-Za-z0-9_.:@\\|+=~\\-]{0,127}";

export function openSettings({ person, savePerson, chat, saveChat, actions }) {
  const parts = [aboutPerson(person, savePerson)];
  if (chat) parts.push(scene(chat.scenario, saveChat), wholeChat(actions));
  else
    parts.push(
      el(
        "section",
        {},
        el("h3", {}, t("this_chat")),
        el("div", { class: "buttons" }, textButton(t("import"), actions.import)),
      ),
    );
  if (savedKey()) parts.push(el("div", { class: "buttons" }, keyButton()));
  opened(t("settings"), "drawer", parts);
}

function aboutPerson(person, save) {
  const name = el("input", { maxlength: "128", dir: "auto", autocomplete: "nickname", value: person.name });
  const id = el("input", {
    maxlength: "128",
    pattern: USER_ID,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    value: person.id,
  });
  const story = el("textarea", { rows: "2", dir: "auto", maxlength: "65536", value: person.description });
  const changed = () =>
    save({ name: name.value, id: id.validity.valid ? id.value : person.id, description: story.value });
  for (const input of [name, id, story]) input.addEventListener("input", changed);
  growing(story);
  return el(
    "section",
    {},
    el("h3", {}, t("about_you")),
    field(t("your_name"), name),
    field(t("your_id"), id, t("your_id_help")),
    field(t("your_story"), story),
  );
}

function scene(scenario, save) {
  const fields = ["setting", "relationship", "goal"].map((name) => {
    const input = el("textarea", { rows: "1", dir: "auto", maxlength: "65536", value: scenario[name] ?? "" });
    input.addEventListener("input", () => {
      scenario[name] = input.value;
      save();
    });
    growing(input);
    return field(t(name), input);
  });
  return el("section", {}, el("h3", {}, t("scene")), fields);
}

function wholeChat(actions) {
  const clear = async () => (await confirmed(t("clear_sure"), t("clear"))) && actions.clear();
  const buttons = [
    textButton(t("export"), actions.export),
    textButton(t("import"), actions.import),
    textButton(t("clear"), clear, { class: "button danger" }),
  ];
  return el("section", {}, el("h3", {}, t("this_chat")), el("div", { class: "buttons" }, buttons));
}

function keyButton() {
  const button = textButton(t("key_forget"), () => {
    saveKey("");
    button.remove();
  });
  return button;
}
