import re
from pathlib import Path

import pytest

from repartee.integrations import russian_gloss
from repartee.integrations.russian_gloss import gloss_fingerprint, glossed

LINES = Path(russian_gloss.__file__).with_name("russian_glosses.tsv").read_text("utf-8").splitlines()
ENTRIES = [line for line in LINES if not line.startswith("#")]


@pytest.mark.parametrize(
    ("russian", "english"),
    [
        ("СОБАКУ", "dog"),
        ("собаками", "dog"),
        ("Ёлка", "christmas tree"),
        ("лёг", "lie down"),
        ("не люблю", "not love"),
        ("кто-нибудь", "someone"),
        ("брат-близнец", "brother twin"),
    ],
)
def test_words_become_english_in_any_form(russian, english):
    assert glossed(russian) == english


def test_a_word_that_is_listed_whole_goes_before_its_stem():
    assert glossed("банк, банка") == "bank, jar"


def test_a_listed_beginning_stands_in_for_an_unlisted_stem(monkeypatch):
    monkeypatch.setattr(russian_gloss, "_GLOSSES", {"бараб-": "wrong", "барабан-": "drum", "бар-": "bar"})

    assert glossed("барабанщиками") == "drum"
    assert glossed("баржа") == "barzh"  # three letters say too little


def test_what_has_no_gloss_is_spelt_in_latin_letters_the_same_in_every_case():
    assert glossed("Плюша, Плюше, Плюшу") == "plyush, plyush, plyush"
    assert glossed("Жмыхов щёчкин цэхъ").isascii()


def test_names_are_names_and_no_words():
    assert glossed("Катя с Костей и Дашей") == "katya with kostya and dasha"


@pytest.mark.parametrize(
    "text", ["", "I love dogs, don't you?", "Žluťoučký kůň — 12 🙂", "猫が好き", "η γάτα"]
)
def test_other_scripts_stay_as_they_are(text):
    assert glossed(text) == text


def test_what_stands_between_words_stays():
    assert glossed("Играет в Dota 2, «люблю»!") == "play in Dota 2, «love»!"


def test_letters_of_other_cyrillic_languages_are_spelt_too():
    assert glossed("Їжачок ґанок қазақ өнер").isascii()


@pytest.mark.parametrize("text", ["а" * 4_000, "а-" * 2_000 + "а", "\u0483" * 100, "ъ", "ь-ъ"])
def test_odd_words_are_no_trouble(text):
    assert isinstance(glossed(text), str)


def test_every_line_has_keys_and_one_gloss():
    for line in ENTRIES:
        assert re.fullmatch(r"[а-я]+(-[а-я]+)*-?( [а-я]+(-[а-я]+)*-?)*\t[a-z0-9'& .-]+", line), line


def test_the_glosses_are_sorted_and_no_key_or_gloss_stands_twice():
    keys = [key for line in ENTRIES for key in line.split("\t")[0].split()]
    glosses = [line.split("\t")[1] for line in ENTRIES]

    assert sorted(ENTRIES) == ENTRIES
    assert len(set(keys)) == len(keys)
    assert len(set(glosses)) == len(glosses)


def test_fingerprint_follows_the_glosses(monkeypatch):
    before = gloss_fingerprint()
    monkeypatch.setattr(russian_gloss, "_GLOSSES", russian_gloss._GLOSSES | {"собак-": "cat"})

    assert gloss_fingerprint() != before


def test_fingerprint_follows_how_words_are_found(monkeypatch):
    before = gloss_fingerprint()
    monkeypatch.setattr(russian_gloss, "_LATIN", {})

    assert gloss_fingerprint() != before
