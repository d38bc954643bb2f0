import numpy as np
import pytest

from repartee.integrations import lexical_vector as lexical


def similarity(message, fact):
    return float(lexical.lexical_vector(message, "query") @ lexical.lexical_vector(fact, "fact"))


@pytest.mark.parametrize(
    ("text", "share"),
    [("hello", 1.0), ("Žluťoučký kůň", 1.0), ("привет", 0.0), ("ab вг", 0.5), ("?! 12 🙂", 0.0), ("", 0.0)],
)
def test_latin_share(text, share):
    assert lexical.latin_share(text) == share


@pytest.mark.parametrize(
    ("text", "share"), [("привет", 1.0), ("ab вг", 0.5), ("Їжак", 1.0), ("γάτα", 0.0), ("?! 12 🙂", 0.0)]
)
def test_cyrillic_share(text, share):
    assert lexical.cyrillic_share(text) == share


def test_latin_only_keeps_what_is_not_a_letter():
    assert lexical.latin_only("Играю в Dota 2!") == "  Dota 2!"


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        ("мой КОТ опять спит", "Есть рыжий кот"),
        ("купил корм коту", "Есть рыжий кот"),
        ("елка уже стоит", "Ёлка — любимый праздник"),
        ("гитаристы всю ночь шумели", "Играет на гитаре"),
    ],
)
def test_forms_of_a_word_are_similar(message, fact):
    assert similarity(message, fact) > 0.2


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        ("ну и что ты об этом", "Любит, чтобы всё было по-своему"),
        ("какой хороший день", "Хороший друг живёт в другом городе"),
        ("да", "Нет"),
    ],
)
def test_words_that_everybody_uses_are_no_match(message, fact):
    assert similarity(message, fact) < 0.2


def test_roles_never_meet_in_what_no_word_fills():
    assert similarity("!!!", "!!!") == 0.0
    assert similarity("гитара", "гитара") == pytest.approx(1.0, abs=1e-6)


def test_vectors_are_pinned():
    """A change here changes every stored vector. The fingerprint carries it into the profile's id."""
    vector = lexical.lexical_vector("Ждёт ребёнка", "fact")
    places = np.flatnonzero(np.abs(vector) > 1e-6)

    assert len(places) == 20
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-6)
    assert lexical.lexical_fingerprint() == "4950dc6be5c9ac0fb75245c470842967cb41b0cabc5d0b6c5b6d908b04502135"


def test_fingerprint_follows_the_word_lists(monkeypatch):
    before = lexical.lexical_fingerprint()
    monkeypatch.setattr(lexical, "_SILENT", lexical._SILENT | {"гитара"})

    assert lexical.lexical_fingerprint() != before
