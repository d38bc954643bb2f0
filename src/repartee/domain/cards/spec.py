"""Which version of the card format an object is, and the same card in another version.

Formats: Character Card V1 (flat), V2 (`chara_card_v2`) and V3 (`chara_card_v3`). A conversion keeps every
field, known or not, where it stands in `data`, as SillyTavern does: readers of V2 skip what only V3 knows,
and nothing is lost on the way back. What a version requires and the card lacks is added empty.
"""

import re
from typing import Any, Final, Literal

from repartee.domain.cards.limits import CardError

Spec = Literal["v1", "v2", "v3"]

_ENVELOPES: Final = {"v2": ("chara_card_v2", "2.0"), "v3": ("chara_card_v3", "3.0")}
_V1_FIELDS: Final = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
_REQUIRED: Final[dict[str, dict[str, Any]]] = {
    "v1": dict.fromkeys(_V1_FIELDS, ""),
    "v2": {
        **dict.fromkeys(_V1_FIELDS, ""),
        "creator_notes": "",
        "system_prompt": "",
        "post_history_instructions": "",
        "alternate_greetings": [],
        "tags": [],
        "creator": "",
        "character_version": "",
        "extensions": {},
    },
}
_REQUIRED["v3"] = {**_REQUIRED["v2"], "group_only_greetings": []}
_NUMBERED_SPEC: Final = re.compile(r"chara_card_v([0-9]{1,4})")


def spec_of(raw: dict[str, Any]) -> Spec:
    """Return the version. Raises CardError for an object that is no character card."""
    spec, data = raw.get("spec"), raw.get("data")
    if isinstance(spec, str) and spec.startswith("lorebook"):
        raise CardError("spec", "this is a lorebook and no character: give a character card")
    if isinstance(data, dict) and (isinstance(spec, str) or ("name" in data and "name" not in raw)):
        return "v3" if isinstance(spec, str) and _number(spec) >= 3 else "v2"
    if isinstance(spec, str) and _NUMBERED_SPEC.fullmatch(spec):
        raise CardError("data", "is missing or no object: a V2 or V3 card has its fields there")
    if "name" not in raw:
        raise CardError("name", "is missing: this is no character card")
    return "v1"


def data_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the object that has the card's fields."""
    if spec_of(raw) == "v1":
        return raw
    data: dict[str, Any] = raw["data"]
    return data


def spec_warnings(raw: dict[str, Any]) -> tuple[str, ...]:
    """Return what another program might stumble over, one line each."""
    spec = spec_of(raw)
    missing = [field for field in _REQUIRED[spec] if field not in data_of(raw)]
    found = [*_envelope_warnings(raw, spec)]
    if missing and spec != "v1":
        found.append(f"data: the format also requires {', '.join(missing)}; taken as empty")
    return tuple(found)


def converted(raw: dict[str, Any], spec: Literal["v2", "v3"]) -> dict[str, Any]:
    """Return the card in the given version; the object itself where it already is."""
    name, version = _ENVELOPES[spec]
    if raw.get("spec") == name and spec_of(raw) == spec:
        return raw
    data = data_of(raw)
    around = {} if data is raw else raw
    missing = {field: _fresh(value) for field, value in _REQUIRED[spec].items() if field not in data}
    envelope = {"spec": name, "spec_version": version, "data": {**data, **missing}}
    return {**around, **envelope} if "spec" in around else {**envelope, **around, **envelope}


def _fresh(value: Any) -> Any:
    return type(value)()


def _number(spec: str) -> int:
    match = _NUMBERED_SPEC.fullmatch(spec)
    return int(match[1]) if match else 0


def _envelope_warnings(raw: dict[str, Any], spec: Spec) -> list[str]:
    if spec == "v1":
        return []
    name, version = _ENVELOPES[spec]
    if raw.get("spec") != name:
        known = "newer than known" if _number(str(raw.get("spec"))) > 3 else "missing or unknown"
        return [f"spec: {known}, read as {name}"]
    given = _version(raw.get("spec_version"))
    if given is None:
        return [f"spec_version: missing or no number, read as {version}"]
    if given > float(version):
        return [f"spec_version: {given:g} is newer than {version}, which is what is known here"]
    return [f"spec_version: {given:g} is older than {version}"] if given < float(version) else []


def _version(value: Any) -> float | None:
    """Return `spec_version` as V3 says it is to be compared: as a float."""
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None
