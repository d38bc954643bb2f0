"""Cards as YAML: the JSON values and no more, so that a card is the same object in both.

Plain scalars are `true`, `false`, `null` and numbers as JSON writes them (the JSON schema of YAML 1.2); all
else is text, `yes`, `1:30` and dates too. Keys are always text. Anchors, aliases and tags are refused; they
are how a short YAML text becomes a huge value.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from repartee.domain.cards import limits
from repartee.domain.cards.card_json import checked_object, read_float, utf8
from repartee.domain.cards.limits import CardError

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLACE: Final = "YAML"
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OTHER_LINE_ENDS: Final = re.compile(r"[\r\x85\u2028\u2029\ufeff]")  # a block would come back changed


class _Tree:
    """Puts a value together from YAML's events, without recursion."""

    def __init__(self) -> None:
        self.value: Any = None
        self._open: list[Any] = []
        self._keys: list[str | None] = []
        self._count = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event. Raises CardError."""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise CardError(_PLACE, "anchors and aliases are not read: write the value out")
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)

    def _node(self, event: yaml.NodeEvent) -> None:
        if getattr(event, "tag", None) not in {None, "!"}:
            raise CardError(_PLACE, "tags (`!…`) are not read: remove them")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
            return
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(value)
        self._open.append(value)
        self._keys.append(None)
        if len(self._open) > limits.DEPTH:
            raise CardError(_PLACE, f"is nested deeper than {limits.DEPTH} levels: flatten it")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._open and isinstance(self._open[-1], dict) and self._keys[-1] is None:
            if event.value in self._open[-1]:
                raise CardError(_PLACE, "an object has the same key twice: keep one of them")
            self._keys[-1] = event.value
        else:
            self._put(_scalar(event.value) if event.implicit[0] else event.value)

    def _put(self, value: Any) -> None:
        self._count += 1
        if self._count > limits.VALUES:
            raise CardError(_PLACE, f"holds more than {limits.VALUES} values: shorten the card")
        if not self._open:
            self.value = value
        elif isinstance(self._open[-1], list):
            self._open[-1].append(value)
        elif (key := self._keys[-1]) is None:
            raise CardError(_PLACE, "a key must be a text: write it so")
        else:
            self._open[-1][key] = value
            self._keys[-1] = None


def read_yaml(data: bytes) -> dict[str, Any]:
    """Return the object of a YAML document. Raises CardError."""
    if len(data) > limits.YAML_BYTES:
        raise CardError(_PLACE, f"is larger than {limits.size(limits.YAML_BYTES)}: save it as JSON")
    tree, documents = _Tree(), 0
    try:
        for event in yaml.parse(utf8(data, _PLACE), Loader=_LOADER):
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise CardError(_PLACE, "holds several documents: keep one card per file")
            tree.take(event)
    except yaml.YAMLError as error:
        raise CardError(_PLACE, f"is not YAML{_line(error)}") from None
    return checked_object(tree.value, _PLACE)


def write_yaml(card: dict[str, Any]) -> bytes:
    """Return the card as YAML; long texts are blocks that people can edit. Raises CardError."""
    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(card),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    text: str = yaml.emit(events, Dumper=yaml.SafeDumper, allow_unicode=True, width=1 << 30)
    if len(text.encode()) > limits.YAML_BYTES:
        raise CardError(_PLACE, f"would be larger than {limits.size(limits.YAML_BYTES)}: write it as JSON")
    return text.encode()


def _events(value: Any) -> Iterator[yaml.Event]:
    if isinstance(value, dict):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=not value)
        for key, item in value.items():
            yield _plain(key) if _PLAIN_KEY.fullmatch(key) else _quoted(key)
            yield from _events(item)
        yield yaml.MappingEndEvent()
    elif isinstance(value, list):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=not value)
        for item in value:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    elif isinstance(value, str):
        yield _block(value) if "\n" in value and not _OTHER_LINE_ENDS.search(value) else _quoted(value)
    else:
        yield _plain(json.dumps(value))


def _plain(text: str) -> yaml.Event:
    return yaml.ScalarEvent(None, None, (True, False), text)


def _quoted(text: str) -> yaml.Event:
    return yaml.ScalarEvent(None, None, (False, True), text, style='"')


def _block(text: str) -> yaml.Event:
    return yaml.ScalarEvent(None, None, (False, True), text, style="|")


def _scalar(text: str) -> Any:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        try:
            return int(text)
        except ValueError:
            raise CardError(_PLACE, "a number is too long: shorten it") from None
    return read_float(text, _PLACE) if _FLOAT.fullmatch(text) else text


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""
