from repartee.domain.lorebook import LoreSettings, activate
from repartee.domain.lorebook.request import LoreBookOf
from repartee.domain.lorebook.shelf import shelf_of
from tests.unit.repartee.domain.lorebook.chats import ask, book, entry, fired, reasons, run


def test_an_entry_that_two_keys_touch_fires_once() -> None:
    result = run(book(entry("lamp", "road", "lamplight")), "a lamp on the road")
    assert [(text.entry, text.text) for text in result.texts] == [("0", "lore")]


def test_an_entry_that_still_sticks_fires_without_a_word_about_it() -> None:
    lore = book(entry("lamp", sticky=3), entry("road"))
    state = run(lore, "a lamp").state
    assert reasons(lore, "a lamp", "hm", "well", state=state, scan_depth=1) == {
        "0": "sticky",
        "1": "no_match",
    }


def test_an_entry_is_found_in_what_another_one_brings() -> None:
    lore = book(
        entry("lamp", content="stands on the pier"), entry("pier", content="of Harrow"), entry("harrow")
    )
    assert fired(lore, "a lamp") == ["0", "1", "2"]


def test_entries_nobody_speaks_of_keep_their_own_reasons() -> None:
    lore = book(entry("lamp", enabled=False), entry(), entry("road"), entry("pier", delay=9))
    found = {"0": "disabled", "1": "no_keys", "2": "no_match", "3": "delay"}
    assert reasons(lore, "nothing of that") == found


def test_only_entries_whose_keys_tell_nothing_by_themselves_are_watched() -> None:
    lore = book(entry("lamp"), entry("ox"), entry("/la.p/"), entry("{{user}}"), entry("road", constant=True))
    shelf = shelf_of((LoreBookOf("chat", lore),), LoreSettings())
    assert shelf.watched == [1, 2, 3, 4]


def test_the_same_books_are_laid_out_once() -> None:
    request = ask(book(entry("lamp")), "a lamp")
    shelf_of.cache_clear()
    activate(request)
    activate(request)
    assert (shelf_of.cache_info().misses, shelf_of.cache_info().currsize) == (1, 1)
