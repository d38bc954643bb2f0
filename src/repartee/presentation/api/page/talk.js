// The chat as data. A character's turn has one or more alternatives, one of which is shown.

const FORMAT = "repartee-chat";
const MOST_MESSAGES = 1000;
const MOST_AVOIDED = 8;

export const emptyChat = () => ({ turns: [], scenario: {}, draft: "" });

export const shownOf = (turn) => turn.alternatives[turn.shown];

export const textOf = (turn) => (turn.role === "user" ? turn.text : shownOf(turn).text);

export function messagesOf(turns) {
  return turns
    .map((turn) => ({ role: turn.role, text: textOf(turn) }))
    .filter((message) => message.text.trim())
    .slice(-MOST_MESSAGES);
}

// What was answered before, as the service takes it to give another reply.
export function givenBefore(turn) {
  return turn.alternatives
    .map((one) => one.text)
    .filter((text) => text.trim())
    .slice(-MOST_AVOIDED);
}

export function joined(text, more) {
  return /\s$/.test(text) || /^\s/.test(more) ? text + more : `${text} ${more}`;
}

export function loreStateOf(turns) {
  const replies = turns.filter((turn) => turn.role === "character").map((turn) => shownOf(turn).reply);
  return replies.findLast((reply) => reply?.lore?.state)?.lore.state;
}

export function lastUserIndex(chat) {
  return chat.turns.findLastIndex((turn) => turn.role === "user");
}

export function filled(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value && value.trim()));
}

export function exportedChat(chat, character) {
  return { format: FORMAT, version: 1, character, chat };
}

export function isExportedChat(value) {
  return value?.format === FORMAT;
}

export function readChat(value) {
  return {
    turns: value.turns.map(readTurn),
    scenario: Object.fromEntries(
      ["setting", "relationship", "goal"].map((name) => [name, text(value.scenario?.[name])]),
    ),
    draft: text(value.draft),
  };
}

function readTurn(turn) {
  if (turn.role === "user") return { role: "user", text: text(turn.text) };
  const alternatives = turn.alternatives.map(readAlternative);
  if (!alternatives.length) throw new TypeError("a turn without text");
  const shown = Number.isInteger(turn.shown) && alternatives[turn.shown] ? turn.shown : alternatives.length - 1;
  return { role: "character", shown, alternatives };
}

function readAlternative(one) {
  return {
    text: text(one.text),
    state: one.state === "streaming" ? "stopped" : text(one.state),
    trouble: one.trouble ? text(one.trouble) : null,
    reply: one.reply && typeof one.reply === "object" ? one.reply : null,
    asked: one.asked && typeof one.asked === "object" ? one.asked : {},
  };
}

function text(value) {
  return typeof value === "string" ? value : "";
}
