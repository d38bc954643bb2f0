"""The estimate of tokens: near real tokenizers, and sane for any text.

The two counts beside each text are those of Mistral's Tekken v3 (`tekken_240911.json` of `mistral-common`
1.13.1) and of Qwen (`qwen.tiktoken` of `dashscope`), both run through `tiktoken` on 2026-11-20.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repartee.integrations.script_token_counter import ScriptTokenCounter

COUNT = ScriptTokenCounter().count

MEASURED = {
    "english": (
        (
            "*leans on the counter and grins* Well, well. Look who finally decided to show up! I was "
            "starting to think you'd forgotten about me, Maya. So, how was the concert?"
        ),
        42,
        41,
    ),
    "russian": (
        (
            "*смеётся и отодвигает чашку* Ну наконец-то! Я уже думала, ты совсем обо мне забыл. Рассказывай, "
            "как прошёл концерт? И не вздумай говорить, что было скучно."
        ),
        52,
        66,
    ),
    "russian fact": (
        "Мая живёт в Казани, работает ветеринаром, у неё аллергия на орехи и рыжий кот по имени Тофу.",
        33,
        40,
    ),
    "german": (
        (
            "Ich wollte dir eigentlich schon gestern schreiben, aber die Straßenbahn hatte wieder einmal "
            "Verspätung, und danach war mein Akku leer."
        ),
        28,
        32,
    ),
    "french": (
        (
            "Tu sais, j'ai pensé à toi hier soir en écoutant cette vieille chanson. Ça m'a rappelé notre été "
            "à Marseille, les soirées sur la plage et le café trop fort."
        ),
        39,
        42,
    ),
    "polish": (
        (
            "Wczoraj wieczorem długo myślałam o tym, co mi powiedziałeś. Może rzeczywiście powinnam wreszcie "
            "zmienić pracę i wyjechać nad morze."
        ),
        51,
        47,
    ),
    "chinese": (
        "你终于来了！我还以为你把我忘了呢。快坐下，跟我说说昨天的音乐会怎么样？别告诉我你又迟到了。",
        38,
        28,
    ),
    "japanese": (
        (
            "やっと来たね！もう忘れられたのかと思ったよ。さあ座って、昨日のコンサートの話を聞かせて。"
            "まさかまた遅刻したんじゃないよね？"
        ),
        42,
        38,
    ),
    "korean": (
        "드디어 왔구나! 나를 완전히 잊어버린 줄 알았어. 어서 앉아서 어제 콘서트가 어땠는지 이야기해 줘.",
        31,
        48,
    ),
    "arabic": ("أخيرًا وصلت! كنت أظن أنك نسيتني تمامًا. اجلس وأخبرني كيف كانت الحفلة الموسيقية أمس.", 26, 35),
    "greek": (
        "Επιτέλους ήρθες! Νόμιζα ότι με είχες ξεχάσει. Κάθισε και πες μου πώς ήταν η συναυλία χθες το βράδυ.",
        48,
        87,
    ),
    "code": (
        (
            'def count(text: str) -> int:\n    """Return the estimate."""\n    total = 0\n    for index, '
            "char in enumerate(text):\n        total += weights.get(char, 1)\n    return total\n"
        ),
        44,
        44,
    ),
    "numbers": (
        "Order 48213 of 2026-11-20: 3 x 19.99, 12 x 4.50, total 113.97 EUR, call +7 999 123-45-67",
        67,
        67,
    ),
    "emoji": ("good night 🌙✨ sleep tight 😴💤 see you tomorrow 🦊", 23, 17),
}


@pytest.mark.parametrize("name", MEASURED)
def test_it_is_near_what_real_tokenizers_count(name: str) -> None:
    text, tekken, qwen = MEASURED[name]
    assert 0.75 * max(tekken, qwen) <= COUNT(text) <= 1.85 * min(tekken, qwen)


@pytest.mark.parametrize("name", ["english", "russian", "russian fact"])
def test_it_does_not_fall_short_in_the_languages_of_the_characters(name: str) -> None:
    text, tekken, qwen = MEASURED[name]
    assert 0.9 * max(tekken, qwen) <= COUNT(text) <= 1.3 * min(tekken, qwen)


def test_nothing_is_nothing() -> None:
    assert COUNT("") == 0


@settings(deadline=None)
@given(st.text(min_size=1))
def test_any_text_counts_and_never_more_than_its_bytes_allow(text: str) -> None:
    assert 1 <= COUNT(text) <= 3.5 * len(text) + 1


@settings(deadline=None)
@given(st.text(), st.text())
def test_together_is_the_sum_of_the_parts(one: str, other: str) -> None:
    assert COUNT(one) + COUNT(other) - 1 <= COUNT(one + other) <= COUNT(one) + COUNT(other)


def test_a_lone_surrogate_does_not_raise() -> None:
    assert COUNT("\ud800") >= 1
