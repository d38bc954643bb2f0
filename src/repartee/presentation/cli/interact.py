"""`repartee interact`: a chat in the terminal, over HTTP."""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from repartee.domain.cards.card_file import CARD_SUFFIXES
from repartee.domain.character import Character
from repartee.presentation.cli.api_connection import ApiConnection
from repartee.presentation.cli.card_files import played, read_card_file, request_card
from repartee.presentation.cli.chat import Chat
from repartee.presentation.cli.chat_commands import ChatCommands
from repartee.presentation.cli.fact_files import UserFile
from repartee.presentation.cli.failures import EXPECTED, ApiUnreachable, RunFailed, one_line
from repartee.presentation.cli.line_input import Interrupts, PipedLines, Stopped, TerminalLines
from repartee.presentation.cli.resumed_chat import ResumedChat
from repartee.presentation.cli.runtime import ClientSettings
from repartee.presentation.cli.screens import PlainScreen, Screen, TerminalScreen

DEFAULT_CHARACTER: Final = "blaze"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who talks to whom, and where. `character` is a short name or a card's path; None: the stored one."""

    character: str | None
    user_file: UserFile
    api: str | None
    color: bool
    resumed: ResumedChat | None = None


def interact(settings: ClientSettings, invitation: Invitation) -> int:
    """Chat until the user leaves, and return the exit status: 1 if something failed while nobody watched.

    Raises what keeps a chat from beginning.
    """
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _at_a_terminal(settings, invitation)
    return _through_a_pipe(settings, invitation)


def _at_a_terminal(settings: ClientSettings, invitation: Invitation) -> int:
    screen = TerminalScreen(color=invitation.color)
    with ApiConnection(settings, invitation.api, screen.note) as connection:
        chat = _begun(connection, screen, invitation)
        lines = TerminalLines(chat.user.name, screen.label_width, color=invitation.color)
        interrupts = Interrupts()
        with interrupts.held():
            _converse(chat, invitation.user_file, lines, interrupts.allowed)
    return 0


def _through_a_pipe(settings: ClientSettings, invitation: Invitation) -> int:
    screen = PlainScreen()
    with ApiConnection(settings, invitation.api, screen.note) as connection:
        chat = _begun(connection, screen, invitation)
        _converse(chat, invitation.user_file, PipedLines(screen.problem), nullcontext)
    return 1 if screen.failed else 0


def _begun(connection: ApiConnection, screen: Screen, invitation: Invitation) -> Chat:
    user = invitation.user_file.user
    card, character = _character(connection, invitation)
    screen.introduce(character.display_name, user.name, connection.client.health().model)
    chat = Chat(connection, screen, card, character, user)
    if invitation.resumed:
        chat.resume(invitation.resumed.transcript)
        for line in invitation.resumed.recalled():
            screen.note(line)
    return chat


def _character(connection: ApiConnection, invitation: Invitation) -> tuple[str | dict[str, Any], Character]:
    """Return what the API is sent, and who that is."""
    if invitation.resumed and invitation.character is None:
        return invitation.resumed.character(connection.client)
    named = invitation.character or DEFAULT_CHARACTER
    if not named.lower().endswith(CARD_SUFFIXES) and os.sep not in named:
        return named, connection.client.character(named)
    card = read_card_file(Path(named))
    return request_card(card), played(Path(named), card)


def _converse(
    chat: Chat,
    user_file: UserFile,
    lines: Iterable[str],
    stoppable: Callable[[], AbstractContextManager[None]],
) -> None:
    commands = ChatCommands(chat, user_file)
    _attempt(chat, commands.offer_facts, stoppable)
    if not chat.messages:
        _attempt(chat, chat.greet, stoppable)
    for line in filter(None, lines):
        work = commands.run if line.startswith("/") else chat.say
        _attempt(chat, partial(work, line), stoppable)
        if commands.left:
            return


def _attempt(
    chat: Chat, work: Callable[[], None], stoppable: Callable[[], AbstractContextManager[None]]
) -> None:
    """Do it; what goes wrong is said in one line and the chat goes on."""
    try:
        with stoppable():
            work()
    except Stopped:
        return
    except EXPECTED as error:
        if isinstance(error, ApiUnreachable | RunFailed):  # look for it afresh the next time
            chat.connection.drop()
        again = "; /retry sends it again" if chat.unanswered else ""
        chat.screen.problem(one_line(error) + again)
