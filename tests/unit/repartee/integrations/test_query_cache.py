from collections.abc import Sequence

from repartee.integrations.query_cache import QueryCache


class Embed:
    """Counts what it is asked for."""

    def __init__(self):
        self.calls = []

    async def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls.append(list(texts))
        return [[float(len(text)), 0.1] for text in texts]


async def test_what_is_missing_is_asked_for_once():
    cache, embed = QueryCache(), Embed()
    assert await cache.vectors(["a", "bb", "a"], embed) == [[1.0, 0.1], [2.0, 0.1], [1.0, 0.1]]
    assert await cache.vectors(["ccc", "a"], embed) == [[3.0, 0.1], [1.0, 0.1]]
    assert await cache.vectors(["bb"], embed) == [[2.0, 0.1]]
    assert embed.calls == [["a", "bb"], ["ccc"]]


async def test_the_least_recently_used_is_forgotten():
    cache, embed = QueryCache(size=2), Embed()
    for text in ("a", "bb", "a", "ccc", "a", "bb"):
        await cache.vectors([text], embed)
    assert embed.calls == [["a"], ["bb"], ["ccc"], ["bb"]]


async def test_more_texts_than_fit_are_all_answered():
    cache, embed = QueryCache(size=2), Embed()
    texts = [letter * number for number, letter in enumerate("abcde", 1)]
    assert [vector[0] for vector in await cache.vectors(texts, embed)] == [1, 2, 3, 4, 5]


async def test_a_caller_cannot_change_what_is_kept():
    cache, embed = QueryCache(), Embed()
    (await cache.vectors(["a"], embed))[0][0] = 9.0
    assert await cache.vectors(["a"], embed) == [[1.0, 0.1]]


async def test_no_word_is_kept():
    cache = QueryCache()
    await cache.vectors(["secret \ud800 word"], Embed())
    assert all(b"secret" not in key for key in cache._kept)
