import time

import pytest

from repartee.domain.lorebook.patterns import compiled_pattern
from repartee.domain.macros import MacroContext
from tests.unit.repartee.domain.lorebook.chats import ask, book, entry, fired, reasons, run


def matches(key: str, text: str, **fields: object) -> bool:
    return fired(book(entry(key, **fields)), text) == ["0"]


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("dragon", "A DRAGON!", True),
        ("dragon", "two dragons", False),
        ("dragon", "dragonfly, then a dragon", True),
        ("c++", "I write C++.", True),
        ("c++", "I write C++11", False),
        ("red dragon", "those red dragons", True),
        ("дракон", "Здесь ДРАКОН.", True),
        ("дракон", "нет дракона", False),
        ("стра", "на страже", False),
        ("竜", "赤い竜がいる", True),
        ("ドラゴン", "黒いドラゴンだ", True),
        ("มังกร", "ฉันเห็นมังกรแดง", True),
        ("용", "용이 온다", True),
        ("AI", "最新のAIは賢い", True),
        ("AI", "最新のAIS", False),
        ("राम", "रामायण", False),
        ("राम", "यह राम है", True),
        ("istanbul", "İSTANBUL'da", True),
        ("İstanbul", "istanbul'da", True),
        ("ısparta", "ISPARTA güzel", True),
        ("café", "the cafe\u0301 there", True),
        ("straße", "STRASSE 5", True),
    ],
)
def test_whole_words_end_where_their_script_says(key: str, text: str, expected: bool) -> None:
    assert matches(key, text) is expected


@pytest.mark.parametrize(
    ("fields", "text", "expected"),
    [
        ({"case_sensitive": True}, "a dragon", False),
        ({"case_sensitive": True}, "a Dragon", True),
        ({"match_whole_words": False}, "dragons", True),
        ({"match_whole_words": True}, "dragons", False),
    ],
)
def test_an_entry_decides_about_letters_and_words(fields: dict[str, bool], text: str, expected: bool) -> None:
    assert matches("Dragon", text, **fields) is expected


def test_settings_decide_where_the_entry_does_not() -> None:
    lore = book(entry("Dragon"))
    assert fired(lore, "dragons", whole_words=False) == ["0"]
    assert fired(lore, "dragon", case_sensitive=True) == []


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("/drag(on|oons?)/", "two dragoons", True),
        ("/Dragon/", "dragon", False),
        ("/Dragon/i", "dragon", True),
        ("/a.b/s", "a\nb", True),
        (r"/a\/b/", "a/b", True),
        (r"/(?<n>\w)\k<n>/", "book", True),
        ("/half/open", "its /half/open door", True),
        ("/half/open", "half", False),
        (r"/\p{Cyrillic}{3}/", "это", True),
    ],
)
def test_a_key_between_slashes_is_a_pattern(key: str, text: str, expected: bool) -> None:
    assert matches(key, text) is expected


def test_use_regex_makes_plain_keys_patterns_except_where_sillytavern_wrote_them() -> None:
    theirs = entry("a.c", use_regex=True)
    exported = entry("a.c", use_regex=True, selectiveLogic=0)
    assert fired(book(theirs, exported), "ABC") == ["0"]
    assert fired(book(theirs, exported), "a.c") == ["0", "1"]


def test_with_use_regex_secondary_keys_and_constant_do_not_count() -> None:
    lore = book(entry("a.c", use_regex=True, constant=True, selective=True, secondary_keys=["never"]))
    assert (fired(lore, "abc"), fired(lore, "nothing")) == (["0"], [])


@pytest.mark.parametrize("key", ["/[/", "/(/", "/a{2/", r"/\9(a)/", "/(?R)a/", "/(?:foo){e<=2}/", "/*/"])
def test_a_wrong_pattern_never_matches_and_says_so(key: str) -> None:
    assert reasons(book(entry(key)), "foo a aa [ (") == {"0": "bad_pattern"}


@pytest.mark.parametrize("pattern", ["(((a{1000}){1000}){1000})", "(?:a{300}){300}", "a{99999}"])
def test_a_pattern_whose_repeats_multiply_is_not_even_compiled(pattern: str) -> None:
    assert compiled_pattern(pattern, 0) is None


def test_catastrophic_patterns_are_given_up_in_time_and_reported() -> None:
    lore = book(*(entry(f"/^\\x01.*?(a+)+{n}$/") for n in range(300)), entry("plain"))
    began = time.process_time()
    said = reasons(lore, "a" * 5_000 + " plain")
    assert time.process_time() - began < 2
    assert set(list(said.values())[:300]) == {"pattern_timed_out"}
    assert said["300"] == "key"


def test_macros_in_keys_are_names_first() -> None:
    lore = book(entry("{{user}}'s sword"), entry("/<char> the \\w+/"), entry("{{// nothing}}"))
    assert fired(lore, "Ann's sword", "Blaze the mad") == ["0", "1"]


def test_a_name_in_a_pattern_stands_for_its_own_letters() -> None:
    lore = book(entry("/^\\x01Ann: {{user}}$/"))
    assert fired(lore, "Ann", macros=MacroContext(char="B", user=".+")) == []


def test_names_are_part_of_what_is_searched() -> None:
    lore = book(entry("blaze"))
    assert fired(lore, "hello", "well") == ["0"]
    assert fired(lore, "hello", "well", include_names=False) == []


def test_a_key_never_reaches_over_two_messages() -> None:
    assert fired(book(entry("one two", "one\nAnn: two")), "one", "x", "two", scan_depth=9) == []


def test_keys_match_other_texts_of_the_prompt_too() -> None:
    assert fired(book(entry("sword")), "hi", injections=["She has a sword."]) == ["0"]


def test_looking_has_a_limit_and_the_trace_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repartee.domain.lorebook.haystack.MOST_LOOKING", 500)
    lore = book(*(entry("dragon ") for _ in range(20)))
    said = [line.reason for line in run(lore, "dragon" * 10).trace]
    assert said[0] == "no_match"
    assert said[-1] == "scan_limit"


def test_the_matching_key_is_in_the_trace_as_the_card_has_it() -> None:
    line = run(book(entry("никогда", "{{user}}")), "x").trace[0]
    assert (line.key, ask(book()).messages) == ("{{user}}", [])
