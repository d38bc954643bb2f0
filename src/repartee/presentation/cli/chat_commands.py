"""The chat's slash commands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from repartee.application.add_facts import NewFact
from repartee.domain.chat_files.transcript import ChatFormat
from repartee.domain.fact import Fact
from repartee.domain.macros import expand_macros
from repartee.presentation.cli.chat import Chat
from repartee.presentation.cli.fact_files import UserFile, valid_fact
from repartee.presentation.cli.failures import UserMistake
from repartee.presentation.cli.load_facts import facts_are, load_facts, shown_progress
from repartee.presentation.cli.transcript_files import chat_file_bytes, is_json_lines

_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class _Command:
    usage: str
    meaning: str
    run: Callable[[str], None]


class ChatCommands:
    """What a line that starts with `/` does. All of it raises what the API client raises, and UserMistake."""

    def __init__(self, chat: Chat, user_file: UserFile) -> None:
        self._chat = chat
        self._user_file = user_file
        self._listed: list[Fact] = []
        self.left = False
        self._commands: Mapping[str, _Command] = {
            "/facts": _Command("/facts [TEXT]", "what is remembered, or what TEXT would find", self._facts),
            "/remember": _Command("/remember TEXT", "remember something about you", self._remember),
            "/forget": _Command("/forget N", "forget fact N of the last /facts", self._forget),
            "/load": _Command("/load", "remember the facts of your user file", self._load),
            "/character": _Command("/character", "who you talk to", self._character),
            "/retry": _Command("/retry", "another reply in place of the last one", lambda _: chat.retry()),
            "/continue": _Command("/continue", "let the character say more", lambda _: chat.go_on()),
            "/impersonate": _Command("/impersonate", "suggest what you say next", lambda _: chat.suggest()),
            "/save": _Command(
                "/save FILE", "write the dialogue as JSON; .jsonl: for SillyTavern", self._save
            ),
            "/help": _Command("/help", "this list; Ctrl-C stops a reply", self._help),
            "/quit": _Command("/quit", "leave, as Ctrl-D does", self._quit),
        }

    def run(self, line: str) -> None:
        """Do what the line says."""
        name, _, rest = line.partition(" ")
        if name not in self._commands:
            raise UserMistake(f"there is no {name}: /help lists what there is")
        self._commands[name].run(rest.strip())

    def offer_facts(self) -> None:
        """Say so if the user file has facts and none is stored."""
        user_id, facts = self._chat.user.id, self._user_file.facts
        if user_id and facts and next(self._chat.connection.client.facts(user_id), None) is None:
            missing = facts_are("not loaded", len(facts), user_id)
            self._chat.screen.note(f"{missing}: type /load, or run make add-facts")

    def _facts(self, text: str) -> None:
        user_id = self._user_id()
        client, screen = self._chat.connection.client, self._chat.screen
        if text:
            found = client.search(user_id, text)
            lines = [
                f"{fact.scores.similarity:5.2f} {'✓' if fact.kept else ' '} {fact.text}"
                for fact in found.candidates
            ]
            screen.result([*lines, f"✓ is used in a reply; the threshold is {found.threshold:g}"])
            return
        facts = client.facts(user_id)
        self._listed = list(islice(facts, _LISTED))
        count = len(self._listed) + sum(1 for _ in facts)
        lines = [f"{number:3}. {_described(fact)}" for number, fact in enumerate(self._listed, start=1)]
        rest = f"; the first {_LISTED} are above" if count > _LISTED else ""
        screen.result([*lines, facts_are("stored", count, user_id) + rest])

    def _remember(self, text: str) -> None:
        fact = valid_fact("/remember", text)
        self._chat.connection.client.add_facts(self._user_id(), [fact])
        self._chat.screen.result([f"remembered: {fact.text}"])

    def _forget(self, number: str) -> None:
        if not number.isdecimal() or not 1 <= int(number) <= len(self._listed):
            raise UserMistake("name a fact by its number in the last /facts: /forget 2")
        fact = self._listed[int(number) - 1]
        self._chat.connection.client.delete_fact(self._user_id(), fact.id)
        self._chat.screen.result([f"forgotten: {fact.text}"])

    def _load(self, _: str) -> None:
        user_id, facts = self._user_id(), self._user_file.facts
        if not facts:
            raise UserMistake("the user file has no facts")
        with shown_progress(len(facts)) as progress:
            stored = load_facts(self._chat.connection.client, user_id, facts, progress)
        self._chat.screen.result([facts_are("stored", stored, user_id)])

    def _character(self, _: str) -> None:
        who, user = self._chat.character, self._chat.user
        named = [
            expand_macros(text, char=who.display_name, user=user.name)
            for text in (who.description, who.personality)
        ]
        lines = [line for text in named if text.strip() for line in ("", *text.strip().splitlines())]
        self._chat.screen.result([who.name, *lines])

    def _save(self, name: str) -> None:
        if not name:
            raise UserMistake("name the file: /save talk.json")
        try:
            path = Path(name).expanduser()
            wanted: ChatFormat = "sillytavern" if is_json_lines(path) else "repartee"
            written = chat_file_bytes(path, self._chat.transcript(), wanted)
            with path.open("xb") as file:
                file.write(written)
        except FileExistsError:
            raise UserMistake(f"{name} exists and was left as it is: name another file") from None
        except OSError as error:
            raise UserMistake(f"{name}: {error.strerror}") from None
        except (RuntimeError, ValueError) as error:  # no such home folder, a null character
            raise UserMistake(f"{name}: {error}") from None
        self._chat.screen.result([f"saved {len(self._chat.messages)} messages in {name}"])

    def _help(self, _: str) -> None:
        width = max(len(command.usage) for command in self._commands.values())
        self._chat.screen.result(
            [f"{command.usage:<{width}}  {command.meaning}" for command in self._commands.values()]
        )

    def _quit(self, _: str) -> None:
        self.left = True

    def _user_id(self) -> str:
        if self._chat.user.id is None:
            raise UserMistake("this user has no id, so nothing is remembered: give them one in the user file")
        return self._chat.user.id


def _described(fact: Fact | NewFact) -> str:
    return fact.text if fact.owner == "user" else f"{fact.text} (about the character)"
