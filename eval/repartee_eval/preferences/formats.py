"""Examples as TRL's conversational rows: DPO, KTO and SFT. Where a row comes from is in `provenance`."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from repartee_eval.preferences.example import Example
from repartee_eval.preferences.golden import GuardedText

Format = Literal["dpo", "kto", "sft"]
FORMATS: Final[tuple[Format, ...]] = ("dpo", "kto", "sft")


def rows_as(kind: Format, examples: Iterable[Example]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a format, equal ones once; an example without what the format needs gives none."""
    seen: set[str] = set()
    for row in (row for example in examples for row in _ROWS[kind](example)):
        said = json.dumps({name: value for name, value in row.items() if name != "provenance"})
        if said not in seen:
            seen.add(said)
            yield row


def fits(kind: Format, example: Example) -> bool:
    """Whether an example gives a row of the format."""
    if kind == "dpo":
        return example.chosen is not None and example.rejected is not None
    return example.chosen is not None or (kind == "kto" and example.rejected is not None)


def guarded(example: Example) -> GuardedText:
    """Return what must not be golden: the user's messages and the replies."""
    said = [turn.content for turn in example.prompt if turn.role == "user"]
    place = " ".join(
        f"{name} {value}" for name, value in (("case", example.case), ("dialogue", example.dialogue)) if value
    )
    return GuardedText(place or f"row {example.id}", (*said, *example.replies), "\n".join(said))


def _dpo(example: Example) -> Iterator[dict[str, Any]]:
    if example.chosen is not None and example.rejected is not None:
        yield {
            "prompt": _prompt(example),
            "chosen": _reply(example.chosen),
            "rejected": _reply(example.rejected),
            "margin": example.margin,
            "provenance": example.provenance(),
        }


def _kto(example: Example) -> Iterator[dict[str, Any]]:
    for reply, label in ((example.chosen, True), (example.rejected, False)):
        if reply is not None:
            yield {
                "prompt": _prompt(example),
                "completion": _reply(reply),
                "label": label,
                "provenance": example.provenance(),
            }


def _sft(example: Example) -> Iterator[dict[str, Any]]:
    if example.chosen is not None:
        yield {
            "prompt": _prompt(example),
            "completion": _reply(example.chosen),
            "provenance": example.provenance(),
        }


def _prompt(example: Example) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in example.prompt]


def _reply(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


_ROWS: Final[Mapping[Format, Callable[[Example], Iterator[dict[str, Any]]]]] = {
    "dpo": _dpo,
    "kto": _kto,
    "sft": _sft,
}
