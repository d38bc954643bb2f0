"""Each rule on texts as models write them: what goes in, what comes out, which rule did it."""

import pytest

from repartee.domain.guard import FinishReason, GuardContext, GuardOptions, guard

CONTEXT = GuardContext(("Mira", "Мира", "ミラ"), "Anna", ("Tom", "Аня", "アンナ"))
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1ef\U0001f1f5"


def _guarded(text: str, finish: FinishReason = "stop", **options: object) -> str:
    return guard(text, finish, CONTEXT, GuardOptions.model_validate(options)).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*nods* I know.\nAnna: Do you?\nMira: Yes.", "*nods* I know."),
        ("Anna: I run away.", ""),
        ("User: hello", ""),
        ("Sure.\n**Anna:** Then go.", "Sure."),
        ("Sure.\n[Tom]: Me too!", "Sure."),
        ("Sure.\n*Anna: walks away*", "Sure."),
        ("Sure.\n**Anna: hello**", "Sure."),
        ("Sure.\n  anna : then go", "Sure."),
        ("Я знаю.\nАня: Правда?", "Я знаю."),
        ("そうね。\nアンナ：本当?", "そうね。"),
        ("Sure.\r\nAnna: then", "Sure."),
        ("I told you, Anna: be careful.", "I told you, Anna: be careful."),
        ("Anna, come here.\nAnnabel: a name I like.", "Anna, come here.\nAnnabel: a name I like."),
        ("Come.\nAnna smiles.", "Come.\nAnna smiles."),
    ],
)
def test_a_turn_of_somebody_else_ends_the_reply(text: str, expected: str) -> None:
    assert _guarded(text) == expected


def test_a_decomposed_name_is_the_same_name() -> None:
    context = GuardContext(("Mira",), "José")
    assert guard("Hi.\nJose\u0301: hola", "stop", context).text == "Hi."


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Come.\nAnna smiles.", "Come."), ("Mira\nHello.", "Hello."), ("Annabel", "Annabel")],
)
def test_names_without_colon_count_where_asked_for(text: str, expected: str) -> None:
    assert _guarded(text, bare_names=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mira: Hello!", "Hello!"),
        ("Mira: Mira: Hello!", "Hello!"),
        ("**Mira:** Hello!", "Hello!"),
        ("**Mira**: **Hello!**", "**Hello!**"),
        ("**Mira:** **Hello!**", "**Hello!**"),
        ("**Mira: Hello!**", "Hello!"),
        ("*Mira*: Hello!", "Hello!"),
        ("[Mira]: Hello!", "Hello!"),
        ("Mira:\n\nHello!", "Hello!"),
        ("*waves*\nMira: Hello!", "*waves*\nHello!"),
        ("Мира: Привет!", "Привет!"),
        ("ミラ：こんにちは。", "こんにちは。"),
        ("*Mira: the name was on the door*", "*Mira: the name was on the door*"),
        ("Mira: Anna: who am I?", ""),
    ],
)
def test_the_characters_own_name_is_taken_off(text: str, expected: str) -> None:
    assert _guarded(text) == expected


def test_a_user_with_the_characters_name_does_not_empty_the_reply() -> None:
    assert guard("Mira: Hello!", "stop", GuardContext(("Mira",), "Mira")).text == "Hello!"


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("Hello.\n\nMore", ("\n\n",), "Hello."),
        ("Hello.\nMore", ("\n",), "Hello."),
        ("\n\nHello.\nMore", ("\n",), "Hello."),
        ("One~two", ("~",), "One"),
        ("abcd", ("abcx", "bc"), "a"),
        ("Hi.\nMira: again", ("\nMira:",), "Hi."),
        ("###Hi", ("####",), "###Hi"),
    ],
)
def test_a_stop_string_ends_the_reply(text: str, stop: tuple[str, ...], expected: str) -> None:
    assert _guarded(text, stop=stop) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good night.<|im_end|>\n<|im_start|>user", "Good night."),
        ("Good night.</s>", "Good night."),
        ("Good night.[/INST] Sure", "Good night."),
        ("Good night.<end_of_turn>", "Good night."),
        ("<s> Good night.", "Good night."),
        ("I <3 you </3", "I <3 you </3"),
    ],
)
def test_special_tokens_never_show(text: str, expected: str) -> None:
    assert _guarded(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She laughs. And then she", "She laughs."),
        ("Dr. Who laughs. J. R. said that Mr", "Dr. Who laughs."),
        ("Она смеётся! А потом", "Она смеётся!"),
        ("Это на ул. Ленина, д. 5. Приходи ко", "Это на ул. Ленина, д. 5."),
        ("笑いました。そして", "笑いました。"),
        ("「行こう！」と彼女は", "「行こう！」"),
        ("वह हँसी। और फिर", "वह हँसी।"),
        ("هل تعرف؟ أنا لا", "هل تعرف؟"),
        ("ฉันรัก คุณมาก และ", "ฉันรัก คุณมาก"),
        (f"Love you {FAMILY} and th", f"Love you {FAMILY}"),
        (f"Back to {FLAG} next w", f"Back to {FLAG}"),
        ("Nice 👍🏽 and th", "Nice 👍🏽"),
        ("*She laughs.* And th", "*She laughs.*"),
        ("*She laughs* And th", "*She laughs*"),
        ("I *really* want th", "I *really* want th"),
        ('"Come here." She tur', '"Come here."'),
        ("1. Milk.\n2. Bre", "1. Milk."),
        ("a long thought without any end", "a long thought without any end"),
        ("Pi is 3.14 and th", "Pi is 3.14 and th"),
        ("*She turns away and whis", "*She turns away and whis*"),
        ("First line\nsecond li", "First line"),
        ("Listen:\nsecond li", "Listen:\nsecond li"),
    ],
)
def test_an_unfinished_sentence_goes_where_the_model_was_cut_off(text: str, expected: str) -> None:
    assert _guarded(text, "length") == expected


def test_a_finished_reply_keeps_a_sentence_without_mark() -> None:
    assert _guarded("She laughs. And then") == "She laughs. And then"
    assert _guarded("She laughs. And then", trim_sentence="always") == "She laughs."
    assert _guarded("She laughs. And then", "length", trim_sentence="never") == "She laughs. And then"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*She smiles and waves", "*She smiles and waves*"),
        ("*smiles** Hello", "*smiles* Hello"),
        ("**Stop* it", "**Stop** it"),
        ("smiles* Hello", "smiles Hello"),
        ("*smiles *waves*", "*smiles waves*"),
        ("*She smiles\n*He waves*", "*She smiles*\n*He waves*"),
        ("*She smiles\n\nHello.", "*She smiles*\n\nHello."),
        ('"Hello, she says.', '"Hello, she says."'),
        ('Hello" she says.', "Hello she says."),
        ('"I said "hi" to him," he says.', '"I said "hi" to him," he says.'),
        ("“Hello, she says.", "“Hello, she says.”"),
        ("Hello” she says.", "Hello she says."),
        ("«Привет, — сказала она.", "«Привет, — сказала она.»"),
        ("Она сказала „привет“ и ушла.", "Она сказала „привет“ и ушла."),
        ("「こんにちは。", "「こんにちは。」"),
        ("こんにちは」と言った。", "こんにちはと言った。"),
        ('*He says "stop', '*He says "stop"*'),
        ("Hello. *", "Hello."),
        ("こんにちは*手を振る", "こんにちは*手を振る*"),
        ("*hello****", "*hello****"),
        ("It's the dogs' bowl, don't you 'see", "It's the dogs' bowl, don't you 'see"),
        ("What the f*ck, 2*3 is 6", "What the f*ck, 2*3 is 6"),
        ("* milk\n* bread", "* milk\n* bread"),
        ("One\n***\nTwo", "One\n***\nTwo"),
        ("He is 5'10\" tall.", "He is 5'10\" tall."),
    ],
)
def test_single_asterisks_and_quotation_marks_find_a_partner_or_go(text: str, expected: str) -> None:
    assert _guarded(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Look:\n```py\nx = '*'  \n\n\n\nAnna: 1\n</s>\n```\nSee?  ", None),
        ("```py\nprint(1)", "```py\nprint(1)\n```"),
        ("```py\nprint(1)\n", "```py\nprint(1)\n```"),
        ("```py\nprint(1)\n``", "```py\nprint(1)\n```"),
        ("````\n```\nx", "````\n```\nx\n````"),
        ("~~~\nx", "~~~\nx\n~~~"),
        ("Use ```x``` here *now", "Use ```x``` here *now*"),
    ],
)
def test_code_blocks_stay_as_they_are_and_get_their_end(text: str, expected: str | None) -> None:
    assert _guarded(text, "length") == (text.rstrip() if expected is None else expected)


def test_without_fences_code_is_text() -> None:
    assert _guarded("```py\nAnna: 1\n```", code_fences=False) == "```py"


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("One two. Three four. Five six.", {"max_words": 5}, "One two. Three four."),
        ("One two three four five", {"max_words": 3}, "One two three"),
        ("One two. Three four.", {"max_characters": 10}, "One two."),
        ("One. Two! 😀 Three?", {"max_sentences": 2}, "One. Two! 😀"),
        ("行こう。早く。", {"max_sentences": 1}, "行こう。"),
        ("行こう早く", {"max_words": 2}, "行こう早"),
        (f"{FAMILY}{FAMILY}", {"max_characters": 7}, FAMILY),
        ("*One. Two.*", {"max_sentences": 1}, "*One.*"),
        ("*One. Two.*", {"max_characters": 4}, "*One.*"),
        ("One. *waves* Two.", {"max_sentences": 2}, "One. *waves*"),
    ],
)
def test_length_ends_behind_a_sentence(text: str, options: dict[str, int], expected: str) -> None:
    assert _guarded(text, **options) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I know. " + "I love you. " * 6, "I know. I love you. I love you."),
        ("Hm.\n" + "She waits for him.\n" * 5, "Hm.\nShe waits for him.\nShe waits for him."),
        ("and then I " * 30, "and then I and then I"),
        ("愛してるよ、ミラ。" * 5, "愛してるよ、ミラ。愛してるよ、ミラ。"),
        ("Ha ha ha ha ha ha!", "Ha ha ha ha ha ha!"),
        ("No, no, no, no, no!", "No, no, no, no, no!"),
        ("Run, Tom. Run, Tom. Run, Tom!", "Run, Tom. Run, Tom. Run, Tom!"),
        ("na " * 40, "na na"),
    ],
)
def test_a_loop_is_left_twice(text: str, expected: str) -> None:
    assert _guarded(text) == expected


def test_white_space_is_tidied() -> None:
    assert _guarded("  Hello.  \r\n\r\n\n\n  There. \n") == "Hello.\n\n  There."
    assert _guarded("A \n\n\nB", spaces=False, max_blank_lines=None) == "A \n\n\nB"


@pytest.mark.parametrize("text", ["", "  \n", "*", "Anna: hi", "<|im_end|>", '*"*'])
def test_an_empty_reply_is_reported(text: str) -> None:
    report = guard(text, "stop", CONTEXT).report
    assert report.empty
    assert report.retry_advised


@pytest.mark.parametrize("text", ["...", "😀", "```\n\n```", "…!"])
def test_a_short_reply_is_not_empty(text: str) -> None:
    assert not guard(text, "stop", CONTEXT).report.empty


@pytest.mark.parametrize(
    ("stop", "text", "expected"),
    [
        ("###", "Good night. ##", "Good night."),
        ("\nAnna:", "Good night.\nAnna", "Good night."),
        ("<END>", "Good night.<EN", "Good night."),
        ("###", "We are #", "We are #"),
        ("Anna:", "I miss Anna", "I miss Anna"),
        (" Anna:", "I miss Anna", "I miss Anna"),
        ("**END**", "**loud**", "**loud**"),
    ],
)
def test_an_end_that_is_most_of_a_stop_string_goes_and_a_word_stays(stop, text, expected) -> None:
    options = GuardOptions(stop=(stop,))
    result = guard(text, "stop", GuardContext(("Mira",), "Tom"), options)
    assert result.text == expected
    removed = [row.removed for row in result.report.interventions if row.rule == "stop"]
    assert bool(removed) == (text != expected)
