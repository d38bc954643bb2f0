import pytest

from repartee.domain.lorebook.decorators import split_decorators
from tests.unit.repartee.domain.lorebook.chats import book, entry, fired, reasons, run


def decorated(*lines: str, keys: tuple[str, ...] = ("a",), **fields: object) -> dict[str, object]:
    return entry(*keys, content="\n".join([*lines, "", "lore"]), **fields)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("@@depth 2\nlore", "lore"),
        ("\n@@depth 2\r\n\r\n@@role user\r\n\r\nlore\n", "lore"),
        ("@@unknown thing\n@@@also_unknown\nlore", "lore"),
        ("lore\n@@depth 2", "lore\n@@depth 2"),
        ("@@activate", ""),
        ("@ home", "@ home"),
        ("@@ home", "@@ home"),
        ("@@@@depth 2\nx", "@@@@depth 2\nx"),
    ],
)
def test_decorators_are_cut_from_the_top_of_the_text(content: str, text: str) -> None:
    assert split_decorators(content)[1] == text


@pytest.mark.parametrize(
    ("lines", "depth"),
    [
        (["@@depth 3"], 3),
        (["@@depth 3.0"], 3),
        (["@@depth three", "@@@depth 5"], 5),
        (["@@risu_only 1", "@@@agn_only 2", "@@@x 1", "@@@y 1", "@@@z 1", "@@@depth 6"], 6),
        (["@@depth 1", "@@@depth 2"], 1),
        (["@@depth 1", "@@depth 2"], 1),
        (["@@instruct_depth 4", "@@@depth 2"], 2),
    ],
)
def test_a_fallback_counts_where_the_line_above_does_not(lines: list[str], depth: int) -> None:
    assert split_decorators("\n".join(lines))[0].depth == depth


@pytest.mark.parametrize(
    ("lines", "position", "depth", "role"),
    [
        (["@@depth 0", "@@role assistant"], "at_depth", 0, "assistant"),
        (["@@depth -3"], "at_depth", 0, "system"),
        (["@@reverse_depth 1"], "at_depth", 2, "system"),
        (["@@depth 2", "@@position scenario"], "scenario", 2, "system"),
        (["@@position after_desc"], "after_description", 4, "system"),
        (["@@position before_desc"], "before_description", 4, "system"),
        (["@@position nowhere"], "before_char", 4, "system"),
        (["@@role wizard"], "before_char", 4, "system"),
    ],
)
def test_decorators_say_where_a_text_goes(lines: list[str], position: str, depth: int, role: str) -> None:
    placed = run(book(decorated(*lines)), "x", "y", "a").texts[0]
    assert (placed.position, placed.depth, placed.role, placed.text) == (position, depth, role, "lore")


@pytest.mark.parametrize(
    ("line", "replies", "reason"),
    [
        ("@@activate_only_after 3", 2, "too_early"),
        ("@@activate_only_after 3", 3, "key"),
        ("@@activate_only_every 3", 4, "not_this_turn"),
        ("@@activate_only_every 3", 6, "key"),
        ("@@activate_only_every 0", 4, "key"),
        ("@@dont_activate", 1, "dont_activate"),
    ],
)
def test_decorators_say_when_an_entry_may_fire(line: str, replies: int, reason: str) -> None:
    assert reasons(book(decorated(line)), "a", reply_count=replies) == {"0": reason}


def test_the_characters_messages_are_counted_where_the_request_does_not_say() -> None:
    assert fired(book(decorated("@@activate_only_after 2")), "x", "y", "a") == []
    assert fired(book(decorated("@@activate_only_after 1")), "x", "y", "a") == ["0"]


def test_activate_needs_nothing_and_wins_over_dont_activate_and_conditions() -> None:
    lore = book(decorated("@@dont_activate", "@@activate", "@@activate_only_after 9", "@@additional_keys no"))
    assert reasons(lore, "hi") == {"0": "activate"}


def test_no_decorator_wakes_a_disabled_entry() -> None:
    assert reasons(book(decorated("@@activate", enabled=False)), "a") == {"0": "disabled"}


@pytest.mark.parametrize(("greeting", "reason"), [(1, "key"), (0, "other_greeting"), (None, "key")])
def test_an_entry_can_belong_to_one_greeting(greeting: int | None, reason: str) -> None:
    assert reasons(book(decorated("@@is_greeting 1")), "a", greeting=greeting) == {"0": reason}


@pytest.mark.parametrize(("icon", "reason"), [("cat", "key"), ("dog", "other_user_icon"), (None, "key")])
def test_an_entry_can_belong_to_one_user_icon(icon: str | None, reason: str) -> None:
    assert reasons(book(decorated("@@is_user_icon cat")), "a", user_icon=icon) == {"0": reason}


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(
    ("lines", "text", "met"),
    [
        (["@@additional_keys b,c"], "a c", True),
        (["@@additional_keys b,c"], "a", False),
        (["@@additional_keys b", "@@additional_keys c"], "a b", False),
        (["@@additional_keys b", "@@additional_keys c"], "a b c", True),
        (["@@exclude_keys b, c"], "a c", False),
        (["@@exclude_keys b, c"], "a", True),
    ],
)
def test_decorators_add_keys_for_constant_entries_too(
    lines: list[str], text: str, met: bool, constant: bool
) -> None:
    assert (fired(book(decorated(*lines, constant=constant)), text) == ["0"]) is met


def test_scan_depth_of_a_decorator_wins() -> None:
    lore = book(decorated("@@scan_depth 1", scan_depth=9))
    assert (fired(lore, "a", "x"), fired(lore, "x", "a")) == ([], ["0"])


def test_a_fired_entry_can_replace_prompts_of_the_service() -> None:
    lore = book(
        decorated("@@disable_ui_prompt system_prompt"),
        decorated("@@disable_ui_prompt post_history_instructions", keys=("b",)),
        decorated("@@disable_ui_prompt everything"),
    )
    assert run(lore, "a").disabled_prompts == ("system_prompt",)
    assert run(lore, "a b").disabled_prompts == ("post_history_instructions", "system_prompt")
