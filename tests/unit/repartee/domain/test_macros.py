import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repartee.domain import macros
from repartee.domain.macro_text import marks
from repartee.domain.macros import Expansion, MacroContext, expand, expand_macros, expanded_bare

CONTEXT = MacroContext(
    char="Blaze",
    user="Ann",
    persona="P",
    description="D",
    personality="Q",
    scenario="S",
    mes_examples="E",
    original="O",
    last_message="L",
    last_user_message="LU",
    last_char_message="LC",
    now=datetime(2026, 9, 4, 0, 5, tzinfo=UTC),
    idle=timedelta(minutes=5),
    seed=1,
    chat_seed=2,
)
HOSTILE = (
    "{{char}}",
    "{{random:a,b}}",
    "a,b::c",
    "}}{{user}}",
    "<USER>",
    "${1+1}",
    "<% x %>",
    "{{{{",
    "\\,",
    "\n",
)


def text(written: str, context: MacroContext = CONTEXT) -> str:
    return expand(written, context).text


@pytest.mark.parametrize("macro", ["{{user}}", "{{USER}}", "{{ user }}", "<USER>", "<user>"])
def test_every_spelling_of_the_user_macro_is_replaced(macro: str) -> None:
    assert expand_macros(f"hi {macro}!", char="C", user="U") == "hi U!"


@pytest.mark.parametrize("macro", ["{{char}}", "<BOT>", "<CHAR>", "{{Char}}"])
def test_every_spelling_of_the_character_macro_is_replaced(macro: str) -> None:
    assert expand_macros(macro, char="C", user="U") == "C"


def test_a_name_that_looks_like_a_macro_is_not_expanded_again() -> None:
    assert expand_macros("{{user}}", char="C", user="{{char}}{{user}}") == "{{char}}{{user}}"


@given(st.text())
def test_text_without_macros_is_untouched(text: str) -> None:
    plain = text.replace("{", "").replace("<", "")
    assert expand_macros(plain, char="C", user="U") == plain


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{{persona}}{{description}}{{personality}}{{scenario}}{{mesExamples}}", "PDQSE"),
        ("{{lastMessage}}-{{lastUserMessage}}-{{lastCharMessage}}", "L-LU-LC"),
        ("{{time}}|{{date}}|{{weekday}}", "12:05 AM|September 4, 2026|Friday"),
        ("{{isodate}} {{isotime}}", "2026-09-04 00:05"),
        ("{{idle_duration}}", "5 minutes"),
        ("a{{newline}}b{{noop}}", "a\nb"),
        ("a\r\n\n{{trim}}\n\n b", "a b"),
        ("{{char}}\n{{trim}}\n{{user}}", "BlazeAnn"),
        ("{{trim}}", ""),
        ("{{original}} {{original}}", "O "),
        ("{{reverse:abc}}", "cba"),
        ("{{reverse:{{char}}}}", "ezalB"),
        ("{{reverse:{{reverse:{{user}}!}}}}", "Ann!"),
        ("a{{comment: x}}{{// y {{char}} }}{{//}}b", "ab"),
        ("{{group}} {{charIfNotGroup}}", "Blaze Blaze"),
        ("{{{char}}}", "{Blaze}"),
        ("{{{{char}}}}", "{{Blaze}}"),
        ("{{ {{char}}", "{{ Blaze"),
        ("}} {{char}} {{", "}} Blaze {{"),
        ("{{char", "{{char"),
        ("{{char:x}} {{chars}} {{}}", "{{char:x}} {{chars}} {{}}"),
        ("{{setvar::x::{{user}}}} {{getvar::x}}", "{{setvar::x::Ann}} {{getvar::x}}"),
        ("${1+1} <% x %> #{y}", "${1+1} <% x %> #{y}"),
        ("{{roll:1}} {{roll:d1}} {{roll:3d1}} {{roll 2d1+5}} {{roll:1d1-4}}", "1 1 3 7 -3"),
        (
            "{{roll:}} {{roll:0}} {{roll:9999d6}} {{roll:x}}",
            "{{roll:}} {{roll:0}} {{roll:9999d6}} {{roll:x}}",
        ),
        ("{{random:only}}{{random::one}}", "onlyone"),
    ],
)
def test_every_macro_has_its_value(written: str, expected: str) -> None:
    assert text(written) == expected


@pytest.mark.parametrize(
    ("written", "choices"),
    [
        ("{{random:a,b , c}}", {"a", "b", "c"}),
        ("{{random::a::b,c}}", {"a", "b,c"}),
        ("{{random::a,b}}", {"a", "b"}),
        (r"{{random:a\,b,c}}", {"a,b", "c"}),
        ("{{random:{{char}},x}}", {"Blaze", "x"}),
        ("{{roll:3}}", {"1", "2", "3"}),
        ("{{roll:2d2}}", {"2", "3", "4"}),
    ],
)
def test_the_seed_decides_among_all_choices(written: str, choices: set[str]) -> None:
    drawn = {text(written, MacroContext(char="Blaze", user="Ann", seed=seed)) for seed in range(60)}
    assert drawn == choices


def test_each_place_of_a_text_has_a_chance_of_its_own() -> None:
    assert len(set(text("{{roll:1000}} " * 20).split())) > 15


def test_a_pick_stays_for_the_chat_while_a_random_choice_follows_the_request() -> None:
    written = "{{pick:" + ",".join(map(str, range(1_000))) + "}}"
    contexts = [MacroContext(char="C", user="U", seed=seed, chat_seed=5) for seed in range(5)]
    assert len({text(written, context) for context in contexts}) == 1
    assert len({text(written.replace("pick", "random"), context) for context in contexts}) > 1
    assert text(written, MacroContext(char="C", user="U", chat_seed=6)) != text(written, contexts[0])


@pytest.mark.parametrize(
    "macro",
    [
        "{{random:a,b}}",
        "{{pick:a,b}}",
        "{{roll:6}}",
        "{{original}}",
        "{{time}}",
        "{{lastMessage}}",
        "{{persona}}",
    ],
)
def test_a_macro_whose_value_nobody_gave_stays_as_it_is_written(macro: str) -> None:
    assert expand_macros(macro, char="C", user="U") == macro


def test_a_group_has_all_names() -> None:
    assert text("{{group}}", MacroContext(char="A", user="U", group=("A", "B"))) == "A, B"


def test_hidden_keys_leave_the_text_and_are_given_back() -> None:
    assert expand("a{{hidden_key:{{char}}'s sword}}b", CONTEXT) == Expansion("ab", ("Blaze's sword",))


@pytest.mark.parametrize(
    ("idle", "words"),
    [
        (timedelta(seconds=5), "a few seconds"),
        (timedelta(seconds=60), "a minute"),
        (timedelta(hours=1), "an hour"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(days=1), "a day"),
        (timedelta(days=12), "12 days"),
        (timedelta(days=31), "a month"),
        (timedelta(days=100), "3 months"),
        (timedelta(days=365), "a year"),
        (timedelta(days=1_000), "3 years"),
    ],
)
def test_idle_time_is_said_in_words(idle: timedelta, words: str) -> None:
    assert text("{{idle_duration}}", MacroContext(char="C", user="U", idle=idle)) == words


def test_macros_stand_in_each_other_eight_deep() -> None:
    def nested(depth: int) -> str:
        return "{{reverse:" * depth + "ab" + "}}" * depth

    assert text(nested(8)) == "ab"
    assert text(nested(9)) == "{{reverse:ab}}"
    assert text(nested(2) + nested(5_000)).startswith("ab{{reverse:")


@given(st.sampled_from(HOSTILE) | st.text(max_size=20))
def test_a_hostile_value_comes_out_as_it_went_in(value: str) -> None:
    context = MacroContext(char=value, user=value, persona=value, seed=1, chat_seed=1, last_message=value)
    for macro in (
        "{{char}}",
        "<USER>",
        "{{persona}}",
        "{{lastMessage}}",
        "{{random:{{persona}},{{persona}}}}",
    ):
        wanted = value.strip() if "random" in macro else value
        assert text(f"[{macro}]", context) == f"[{wanted}]"
    assert text("{{reverse:{{persona}}}}", context) == value[::-1]


pieces = st.sampled_from(
    (
        "{{",
        "}}",
        "{",
        "}",
        "char",
        "user",
        "random:",
        "::",
        ",",
        "\\,",
        "reverse:",
        "//",
        "trim",
        "<BOT>",
        " ",
        "\n",
    )
)


@given(st.lists(pieces, max_size=30).map("".join))
def test_any_braces_are_taken_once_and_the_same_again(written: str) -> None:
    first = expand(written, CONTEXT)
    assert expand(written, CONTEXT) == first
    if not {"{{", "<BOT>"} & {mark for mark in ("{{", "<BOT>") if mark in written}:
        assert first.text == written


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "{{",
        "}}",
        "{{char}}",
        "{{ ",
        "{{a ",
        "{{a" + " " * 50,
        "x\n{{trim}}",
        "{{random:a,",
        "{{reverse:",
        "<",
    ],
)
def test_a_text_twice_as_long_takes_about_twice_the_time(unit: str) -> None:
    written = (unit * (10_000 // len(unit))) + "}}" * 1_000

    def seconds(of: str) -> float:
        began = time.process_time()
        expand(of, CONTEXT)
        return time.process_time() - began

    short = min(seconds(written) for _ in range(2))
    assert min(seconds(written * 4) for _ in range(2)) < 9 * short + 0.02


def test_values_cannot_make_a_text_grow_without_end() -> None:
    context = MacroContext(char="C", user="U", description="x" * 60_000)
    grown = text("{{description}}" * 1_000, context)
    assert len(grown) < 2_020_000
    assert grown.endswith("{{description}}")


def test_group_macros_tell_who_is_there_and_in_a_chat_of_two_who_the_two_are() -> None:
    written = "{{group}}|{{groupNotMuted}}|{{notChar}}"
    group = MacroContext(char="B", user="U", group=("A", "B", "C"), muted=("C",))
    assert text(written, group) == "A, B, C|A, B|A, C, U"
    assert text(written, MacroContext(char="B", user="U")) == "B|B|U"


BARE = st.lists(
    st.sampled_from(
        (
            *(
                "{{char}}",
                "{{ User }}",
                "<USER>",
                "<bot>",
                "<UſER>",
                "{{persona}}",
                "{{nothing}}",
                "{{newline}}",
            ),
            *(
                "{{trim}}",
                "{{original}}",
                "{{ſ}}",
                "{{isodate}}",
                "{{",
                "}}",
                "{",
                "}",
                "{{{char}}}",
                "\n",
                "<",
            ),
            *("{{reverse:{{char}}}}", "{{random:a,b}}", " ", "a", "{{notChar}}", "{{group}}"),
        )
    ),
    max_size=8,
).map("".join)


@given(BARE, st.sampled_from((CONTEXT, MacroContext(char="{{user}}", user="<BOT>", seed=3, original="o"))))
def test_bare_names_are_put_in_as_reading_every_mark_puts_them(written: str, context: MacroContext) -> None:
    quick = expanded_bare(written, context)
    found = marks(written)
    slow = macros._Pass(written, context).over(found).text if found else written
    assert quick is None or quick == slow


def test_names_alone_need_no_reading_of_marks() -> None:
    assert expanded_bare("{{char}} and <USER>, {{unknown}}", CONTEXT) is not None
    assert expanded_bare("{{trim}}", CONTEXT) is None


def test_bare_names_add_no_more_than_others() -> None:
    context = MacroContext(char="C", user="U", persona="x" * 1_500_000)
    assert len(text("{{persona}}{{persona}}", context)) == 1_500_000 + len("{{persona}}")
