"""A character card in any of its files.

    card = read_card(path.read_bytes())
    card.character                      # what Repartee plays
    write_card(card, "png")             # the same card for other programs

The object is kept as it was read, and what is written reads back as the same object. `spec` converts it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from pydantic import ValidationError

from repartee.domain.cards import charx, limits, png, portrait
from repartee.domain.cards.card_json import read_json, refuse_encrypted, utf8, write_json
from repartee.domain.cards.card_yaml import read_yaml, write_yaml
from repartee.domain.cards.limits import CardError
from repartee.domain.cards.spec import Spec, converted, data_of, spec_of, spec_warnings
from repartee.domain.character import Character

CardFormat = Literal["json", "yaml", "png", "charx"]
TargetSpec = Literal["v2", "v3"]

_FORMATS: Final = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".png": "png", ".charx": "charx"}
CARD_SUFFIXES: Final = tuple(_FORMATS)


@dataclass(frozen=True, slots=True)
class CardFile:
    """A card as it was found. `image` is the PNG around it, or the JPEG before a CHARX.

    `assets` are the files inside it by path, in their order; `warnings` are for people.
    """

    raw: dict[str, Any]
    format: CardFormat
    image: bytes | None = None
    assets: Mapping[str, bytes] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def spec(self) -> Spec:
        """The version of the card format."""
        return spec_of(self.raw)

    @property
    def data(self) -> dict[str, Any]:
        """The object that has the card's fields."""
        return data_of(self.raw)

    @property
    def character(self) -> Character:
        """The character. Raises CardError for a field that cannot be used."""
        try:
            return self._character()
        except ValidationError as error:
            raise _field_errors(error)[0] from None

    @property
    def problems(self) -> tuple[str, ...]:
        """Every field that keeps the character from being used, one line each."""
        try:
            self._character()
        except ValidationError as error:
            return tuple(problem.message for problem in _field_errors(error))
        return ()

    def _character(self) -> Character:
        return Character.from_card({"spec": self.spec, "data": self.data})


def read_card(data: bytes) -> CardFile:
    """Return the card of a PNG, CHARX, JSON or YAML file, told apart by content. Raises CardError."""
    if len(data) > limits.FILE_BYTES:
        raise CardError("card", f"the file is larger than {limits.size(limits.FILE_BYTES)}: remove assets")
    if data.startswith(png.SIGNATURE):
        text, keyword = png.read_png_card(data)
        return _card(read_json(text, keyword), "png", data, png.png_assets(data))
    if data.startswith((*charx.ZIP_STARTS, charx.JPEG_START)):
        found = charx.read_charx(data)
        return _card(read_json(found.card, charx.CARD_NAME), "charx", found.before or None, found.assets)
    return _from_text(data)


def write_card(
    card: CardFile, card_format: CardFormat, image: bytes | None = None, spec: TargetSpec | None = None
) -> bytes:
    """Return the card as a file. Raises CardError.

    Without `spec` the object is written as it is; CHARX is always V3. A PNG gets `chara`, and for a V3 card
    `chara` as V2 and `ccv3`. `image` is a PNG: the picture, instead of the card's own or a plain one.
    """
    raw = card.raw if spec is None else converted(card.raw, spec)
    if card_format == "png":
        written = png.with_card(image or picture_of(card) or portrait.plain_image(), _chunks(raw))
    elif card_format == "charx":
        written = _charx(card, raw, image)
    elif card_format == "yaml":
        written = write_yaml(raw)
    else:
        written = write_json(raw, indent=2)
    if len(written) > limits.FILE_BYTES:
        raise CardError(
            "card", f"the file would be larger than {limits.size(limits.FILE_BYTES)}: remove assets"
        )
    return written


def picture_of(card: CardFile) -> bytes | None:
    """Return the card's picture, if it has one that is a PNG."""
    if card.format == "png":
        return card.image
    return portrait.main_icon(card.data, card.assets)


def left_out(card: CardFile, card_format: CardFormat, *, with_image: bool = False) -> tuple[str, ...]:
    """Return what of this card `write_card` cannot put into that format, in words."""
    lost = []
    keeps_assets = card_format == "charx" or (card.format == card_format == "png" and not with_image)
    if keeps_assets:
        return ()
    picture = None if with_image or card_format != "png" else portrait.main_icon(card.data, card.assets)
    count = len(card.assets) - (picture is not None)
    if count:
        lost.append(f"{count} asset{'' if count == 1 else 's'} (.charx keeps assets)")
    if card.format == "png" and card_format in {"json", "yaml"}:
        lost.append("the picture (.png and .charx keep it)")
    return tuple(lost)


def format_of(suffix: str) -> CardFormat | None:
    """Return the format that a file's suffix stands for.

    >>> format_of(".PNG")
    'png'
    """
    named = _FORMATS.get(suffix.lower())
    return next((known for known in get_args(CardFormat) if known == named), None)


def _field_errors(error: ValidationError) -> list[CardError]:
    """Return one error per field, without what stands in it."""
    return [
        CardError(".".join(map(str, found["loc"])) or "card", found["msg"].removeprefix("Value error, "))
        for found in error.errors(include_input=False, include_url=False, include_context=False)
    ]


def _from_text(data: bytes) -> CardFile:
    if data[:4] == b"RIFF":
        raise CardError("card", "WEBP holds no card by any format: give a PNG, CHARX, JSON or YAML file")
    if b"\0" in data[: limits.JSON_BYTES]:
        raise CardError("card", "is no PNG, CHARX, JSON or YAML file: give one of them")
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["}:
        return _card(read_json(data, "JSON"), "json")
    refuse_encrypted(data, "card")
    utf8(data, "card")
    return _card(read_yaml(data), "yaml")


def _card(
    raw: dict[str, Any],
    card_format: CardFormat,
    image: bytes | None = None,
    assets: Mapping[str, bytes] | None = None,
) -> CardFile:
    return CardFile(raw, card_format, image, assets or {}, spec_warnings(raw))


def _chunks(raw: dict[str, Any]) -> dict[str, bytes]:
    if spec_of(raw) != "v3":
        return {"chara": write_json(raw)}
    return {"chara": write_json(converted(raw, "v2")), "ccv3": write_json(raw)}


def _charx(card: CardFile, raw: dict[str, Any], image: bytes | None) -> bytes:
    """A picture goes in as the main icon, where the card names no other."""
    v3, assets = converted(raw, "v3"), dict(card.assets)
    shown = image or (card.image if card.format == "png" else None)
    if shown:
        v3, has_room = portrait.with_icon(v3, assets)
        if image and not has_room:
            raise CardError("image", "the card names an icon of its own: leave the picture out")
        if has_room:
            assets = {portrait.MAIN_ICON_PATH: png.with_card(shown, {}), **assets}
    before = card.image if card.format == "charx" and card.image else b""
    return charx.write_charx(write_json(v3), assets, before)
