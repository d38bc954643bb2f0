import base64
import json
import re
import zlib

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import chromium, opened
from tests.cards import V3, archive
from tests.processes import Service, call, loopback_upstream, service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def upstream():
    with loopback_upstream() as url:
        yield url


@pytest.fixture(scope="module")
def running(upstream, tmp_path_factory):
    with service(
        tmp_path_factory.mktemp("page") / "var", REPARTEE_LLM__BASE_URL=upstream, REPARTEE_LLM__API_KEY="k"
    ) as started:
        yield started


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser, running: Service):
    with opened(browser, running.url) as visitor:
        yield visitor


def script(upstream: str, *faults: str) -> None:
    assert (
        call("POST", f"{upstream}/loopback/script", {"endpoint": "chat", "faults": list(faults)}).status
        == 200
    )


def replies(upstream: str, *texts: str) -> None:
    script(upstream, *(f"say={text}" for text in texts))


def become(page: Page, user_id: str) -> None:
    page.evaluate(
        "id => localStorage.setItem('repartee.person', JSON.stringify({id, name: 'Ann', description: ''}))",
        user_id,
    )
    page.reload()


def meet(page: Page, name: str = "Blaze") -> None:
    page.get_by_role("link", name=name).click()
    expect(page.locator(".turn.character .prose")).not_to_be_empty()
    expect(page.locator("#send")).to_be_visible()


def say(page: Page, text: str) -> None:
    page.locator("#message").fill(text)
    page.keyboard.press("Enter")


def last_reply(page: Page):
    return page.locator(".turn.character").last.locator(".prose")


def drop(page: Page, name: str, content: bytes) -> None:
    page.locator("#card-file").set_input_files({"name": name, "mimeType": "", "buffer": content})


def png(card: dict, side: int = 8) -> bytes:
    """Return a red picture with a card inside."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    header = side.to_bytes(4) * 2 + b"\x08\x02\x00\x00\x00"
    rows = zlib.compress((b"\x00" + b"\xff\x00\x00" * side) * side)
    text = b"chara\x00" + base64.b64encode(json.dumps(card).encode())
    parts = [(b"IHDR", header), (b"tEXt", text), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_a_person_picks_a_character_writes_and_reads_the_reply(page: Page) -> None:
    meet(page)
    expect(last_reply(page).locator("em").first).to_have_text(re.compile("towel"))
    say(page, "good evening")
    expect(last_reply(page)).to_have_text("Reply to: good evening")
    expect(page.locator("#message")).to_have_value("")
    expect(page.locator("#message")).to_be_focused()
    page.reload()
    expect(page.locator(".turn")).to_have_count(3)
    expect(last_reply(page)).to_have_text("Reply to: good evening")


def test_notices_stand_beside_the_reply_once_and_a_sign_of_danger_is_answered(page: Page) -> None:
    """The disclosure comes with the first reply of a sitting, whatever the browser's clock says."""
    page.clock.install(time="2050-01-01T00:00:00")
    page.reload()
    meet(page)
    told = page.locator(".told")
    expect(told).to_have_text(
        "You are chatting with an AI, not with a person. Everything the character says is generated."
    )
    say(page, "good evening")
    expect(last_reply(page)).to_have_text("Reply to: good evening")
    expect(told).to_have_count(1)
    say(page, "I want to kill myself")
    expect(told).to_have_count(2)
    expect(told.last).to_contain_text("emergency number")


def test_stop_keeps_what_came_and_the_connection_can_be_lost(page: Page, upstream: str) -> None:
    meet(page)
    script(upstream, "stream-hang=4")
    say(page, "tell me everything")
    expect(last_reply(page)).to_have_text("Reply to:")
    page.keyboard.press("Escape")
    expect(page.get_by_text("stopped", exact=True)).to_be_visible()
    script(upstream, "stream-cut=3")
    say(page, "and the rest")
    trouble = page.get_by_role("alert")
    expect(trouble).to_contain_text(re.compile(r"request \w+"))
    trouble.get_by_role("button", name="Try again").click()
    expect(last_reply(page)).to_have_text("Reply to: and the rest")
    expect(page.locator(".turn.user .prose")).to_have_text(["tell me everything", "and the rest"])


def test_a_service_that_is_away_loses_nothing(page: Page) -> None:
    meet(page)
    page.route("**/generate", lambda route: route.abort())
    say(page, "are you there?")
    expect(page.get_by_role("alert")).to_contain_text("does not answer")
    page.unroute("**/generate")
    page.get_by_role("button", name="Try again").click()
    expect(last_reply(page)).to_have_text("Reply to: are you there?")


def test_another_reply_is_another_version_and_arrow_keys_go_between_them(page: Page, upstream: str) -> None:
    meet(page)
    script(upstream, "stream-hang=4")
    say(page, "hello")
    expect(last_reply(page)).to_have_text("Reply to:")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Another reply").click()
    expect(last_reply(page)).to_have_text("Reply to: hello")
    expect(page.get_by_text("2/2")).to_be_visible()
    page.locator("#message").focus()
    page.keyboard.press("ArrowLeft")
    expect(last_reply(page)).to_have_text("Reply to:")
    expect(page.get_by_text("1/2")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(last_reply(page)).to_have_text("Reply to: hello")


def test_another_reply_going_on_and_writing_for_the_user_are_modes_of_the_service(
    page: Page, upstream: str
) -> None:
    meet(page)
    asked: list[dict] = []
    page.on("request", lambda one: asked.append(one.post_data_json) if "generate" in one.url else None)
    replies(upstream, "One.", "Two.", "And then the lights went out.", "I look for a candle.")
    say(page, "hello")
    expect(last_reply(page)).to_have_text("One.")
    page.get_by_role("button", name="Another reply").click()
    expect(last_reply(page)).to_have_text("Two.")
    page.get_by_role("button", name="Go on").click()
    expect(last_reply(page)).to_have_text("Two. And then the lights went out.")
    page.get_by_role("button", name="Write a reply for me").click()
    expect(page.locator("#message")).to_have_value("I look for a candle.")
    assert [one.get("mode") for one in asked] == [None, "regenerate", "continue", "impersonate"]
    assert (asked[1]["avoid"], asked[1]["messages"][-1]["text"]) == (["One."], "hello")
    assert asked[2]["messages"][-1]["text"] == "Two."
    page.get_by_role("button", name="Previous version").click()
    expect(last_reply(page)).to_have_text("One.")


def test_going_on_that_fails_leaves_the_message_as_it_was(page: Page, upstream: str) -> None:
    meet(page)
    say(page, "hello")
    expect(last_reply(page)).to_have_text("Reply to: hello")
    script(upstream, "stream-cut=3")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".notice.bad")).to_contain_text("request")
    expect(last_reply(page)).to_have_text("Reply to: hello")


def test_a_finger_goes_between_versions_and_scrolling_does_not(browser: Browser, running: Service) -> None:
    phone = {"viewport": {"width": 390, "height": 760}, "has_touch": True, "is_mobile": True}
    with opened(browser, running.url, **phone) as page:
        meet(page)
        first = last_reply(page).inner_text()
        page.get_by_role("button", name="Another reply").click()
        expect(page.get_by_text("2/2")).to_be_visible()
        second = last_reply(page).inner_text()
        for across, down, shown in ((20, 0, second), (90, 80, second), (90, 10, first), (-90, 5, second)):
            drag(page, across, down)
            expect(last_reply(page)).to_have_text(shown)


def drag(page: Page, across: int, down: int) -> None:
    place = last_reply(page).bounding_box()
    assert place
    x, y = place["x"] + place["width"] / 2, place["y"] + 10
    touch = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + across / 2, "y": y + down / 2}]),
        ("touchMove", [{"x": x + across, "y": y + down}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.detach()


def test_the_greeting_has_versions_too(page: Page) -> None:
    meet(page)
    first = last_reply(page).inner_text()
    page.get_by_role("button", name="Another reply").click()
    expect(page.get_by_text("2/2")).to_be_visible()
    assert last_reply(page).inner_text() != first


def test_the_last_message_can_be_edited_and_is_answered_again(page: Page) -> None:
    meet(page)
    say(page, "helo")
    expect(last_reply(page)).to_have_text("Reply to: helo")
    page.get_by_role("button", name="Edit").click()
    page.locator(".editor textarea").fill("hello")
    page.keyboard.press("Enter")
    expect(last_reply(page)).to_have_text("Reply to: hello")
    expect(page.locator(".turn.user")).to_have_count(1)


def test_a_reply_explains_itself_down_to_the_prompt(page: Page, running: Service) -> None:
    running.post("/users/why/facts", {"facts": [{"text": "Has a tabby cat named Pickle", "pinned": True}]})
    become(page, "why")
    meet(page)
    say(page, "my cat knocked the vase over again")
    expect(last_reply(page)).to_have_text(re.compile("Reply to"))
    page.get_by_role("button", name="Why 1 fact").click()
    why = page.locator(".why").last
    expect(why).to_contain_text("Has a tabby cat named Pickle")
    expect(why).to_contain_text("pinned")
    expect(why).to_contain_text("loopback-model")
    why.get_by_role("button", name="Show the exact prompt").click()
    expect(why.locator("pre").last).to_be_visible()
    assert any("Pickle" in text for text in why.locator("pre").all_inner_texts())


def test_lore_and_guard_are_shown_where_a_reply_names_them(page: Page) -> None:
    meet(page)
    entries = [
        {"book": "Harbour", "name": "The crane", "fired": True, "reason": "key", "key": "crane", "tokens": 12}
    ]
    extra = {
        "lore": {"entries": entries, "state": {"version": 1, "effects": []}},
        "guard": {"interventions": [{"rule": "stop", "count": 1, "removed": 14}]},
    }
    done = {
        "id": "rpl_1",
        "request_id": "r",
        "text": "Aye.",
        "facts": [],
        "retrieval": {"status": "disabled"},
        **extra,
    }
    answer_with(page, [("done", done)])
    say(page, "the crane?")
    expect(last_reply(page)).to_have_text("Aye.")
    page.get_by_role("button", name="Why").last.click()
    expect(page.locator(".why").last).to_contain_text("The crane Harbour · key · crane · 12 tokens")
    expect(page.locator(".why").last).to_contain_text("stop count: 1 · removed: 14")
    with page.expect_request("**/generate") as sent:
        say(page, "and now?")
    assert sent.value.post_data_json["lore_state"] == {"version": 1, "effects": []}


def answer_with(page: Page, events: list) -> None:
    text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)

    def fulfil(route: Route) -> None:
        route.fulfill(status=200, content_type="text/event-stream", body=text)

    page.route("**/generate", fulfil)


def test_facts_are_added_searched_pinned_edited_outdated_and_deleted(page: Page, running: Service) -> None:
    become(page, "drawer")
    page.get_by_role("button", name="Facts").click()
    drawer = page.get_by_role("dialog")
    for text in ("Has a tabby cat named Pickle", "Plays the cello"):
        drawer.get_by_label("A new fact").fill(text)
        page.keyboard.press("Enter")
        expect(drawer.locator(".fact", has_text=text)).to_be_visible()
    drawer.get_by_label("What would a message find?").fill("what does my cat do")
    page.keyboard.press("Enter")
    expect(drawer.locator("tbody tr").first).to_contain_text("Pickle")
    expect(drawer.locator("tbody tr").first).to_contain_text("used")
    cello = drawer.locator(".facts > li", has_text="cello")
    cello.get_by_role("button", name="Pin").click()
    expect(cello.get_by_role("button", name="Unpin")).to_be_focused()
    cello.get_by_role("button", name="Edit").click()
    drawer.get_by_label("The fact", exact=True).fill("Plays the viola")
    page.keyboard.press("Enter")
    viola = drawer.locator(".facts > li", has_text="viola")
    expect(viola).to_contain_text("pinned")
    viola.get_by_role("button", name="No longer true").click()
    expect(viola).to_have_count(0)
    drawer.get_by_label("Show what is no longer true").check()
    expect(viola).to_contain_text("no longer true")
    viola.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete this fact").get_by_role("button", name="Delete").click()
    expect(viola).to_have_count(0)
    assert [fact["text"] for fact in running.get("/users/drawer/facts").body["facts"]] == [
        "Has a tabby cat named Pickle"
    ]
    drawer.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog", name="Delete everything").get_by_role("button", name="Cancel").click()
    drawer.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog", name="Delete everything").get_by_role("button", name="Delete all").click()
    expect(drawer).to_contain_text("Nothing yet")
    assert running.get("/users/drawer/facts").body["facts"] == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Facts")).to_be_focused()


def test_a_dropped_card_is_played_with_its_own_picture(page: Page) -> None:
    card = {
        "spec": "chara_card_v2",
        "spec_version": "2.0",
        "data": {"name": "Mira", "first_mes": "*waves* Ahoy, {{user}}!"},
    }
    page.evaluate(
        """async (bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "mira.png"));
            const dropped = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
            document.dispatchEvent(dropped);
        }""",
        base64.b64encode(png(card)).decode(),
    )
    expect(last_reply(page)).to_have_text("waves Ahoy, User!")
    expect(page.locator(".company img")).to_have_attribute("src", re.compile("^data:image/"))
    page.reload()
    expect(page.locator(".turn.character img")).to_be_visible()
    drop(page, "zed.json", json.dumps({"name": "Zed", "first_mes": "Sit down."}).encode())
    expect(last_reply(page)).to_have_text("Sit down.")
    drop(page, "broken.json", b"{}")
    expect(page.locator(".notice.bad")).to_contain_text("request")
    expect(last_reply(page)).to_have_text("Sit down.")


def test_a_charx_card_shows_the_picture_that_is_packed_in_it(page: Page) -> None:
    picture = png({}, side=6)
    card = {**V3, "data": {**V3["data"], "nickname": "", "assets": []}}
    drop(
        page,
        "ada.charx",
        archive({"card.json": json.dumps(card).encode(), "assets/icon/images/face.png": picture}),
    )
    expect(last_reply(page)).to_have_text("Hello, User.")
    expect(page.locator(".company img")).to_have_attribute("src", re.compile("^data:image/"))


def test_nothing_that_others_wrote_becomes_part_of_the_page(
    page: Page, running: Service, upstream: str
) -> None:
    running.post("/users/xss/facts", {"facts": [{"text": HOSTILE}]})
    become(page, "xss")
    drop(page, "x.json", json.dumps({"name": HOSTILE[:120], "first_mes": HOSTILE}).encode())
    expect(last_reply(page)).to_have_text(HOSTILE)
    say(page, HOSTILE)
    expect(last_reply(page)).to_have_text(f"Reply to: {HOSTILE}")
    page.get_by_role("button", name="Why").last.click()
    page.get_by_role("button", name="Facts").click()
    expect(page.locator(".fact p").first).to_have_text(HOSTILE)
    page.get_by_label("What would a message find?").fill(HOSTILE)
    page.keyboard.press("Enter")
    expect(page.locator("tbody td").first).to_have_text(HOSTILE)
    page.keyboard.press("Escape")
    page.locator(".brand").click()
    expect(page.locator(".tile strong").first).to_have_text(HOSTILE[:120])
    assert page.locator("img[onerror], body script").count() == 0
    assert page.evaluate("document.title") == "Repartee"


def test_a_chat_is_exported_cleared_and_imported(page: Page, tmp_path) -> None:
    meet(page)
    say(page, "remember this")
    expect(last_reply(page)).to_have_text("Reply to: remember this")
    page.locator("#message").fill("a draft")
    page.get_by_role("button", name="Settings").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    download.value.save_as(tmp_path / "chat.json")
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("dialog", name="Clear this chat").get_by_role("button", name="Start over").click()
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator("#message")).to_have_value("a draft")
    drop(page, "chat.json", (tmp_path / "chat.json").read_bytes())
    expect(page.locator(".turn")).to_have_count(3)
    expect(last_reply(page)).to_have_text("Reply to: remember this")


def test_the_scene_and_the_person_are_sent(page: Page, upstream: str) -> None:
    meet(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Name").fill("Maya")
    page.get_by_label("Where and when").fill("A lighthouse in fog")
    page.keyboard.press("Escape")
    with page.expect_request("**/generate") as sent:
        say(page, "where are we?")
    body = sent.value.post_data_json
    assert body["scenario"] == {"setting": "A lighthouse in fog"}
    assert body["user"]["name"] == "Maya"
    assert re.fullmatch(r"guest-\w+", body["user"]["id"])


def test_a_key_is_asked_for_kept_in_the_tab_and_sent(browser: Browser, upstream: str, tmp_path) -> None:
    keys = {"REPARTEE_LLM__BASE_URL": upstream, "REPARTEE_LLM__API_KEY": "k", "REPARTEE_API__KEYS": "sesame"}
    with service(tmp_path / "var", **keys) as locked, opened(browser, locked.url) as page:
        page.get_by_label("API key").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_text("This key was not accepted.")).to_be_visible()
        page.get_by_label("API key").fill("sesame")
        page.keyboard.press("Enter")
        meet(page)
        say(page, "open")
        expect(last_reply(page)).to_have_text("Reply to: open")
        assert "sesame" not in page.evaluate("JSON.stringify({...localStorage})")


def test_both_languages_have_the_same_words(browser: Browser, running: Service) -> None:
    with opened(browser, running.url, locale="ru-RU") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("С кем поговорим?")
        assert page.evaluate("document.documentElement.lang") == "ru"
        english, russian = page.evaluate(
            """async () => {
                const en = await import("/page/words_en.js"), ru = await import("/page/words_ru.js");
                return [Object.keys(en.english), Object.keys(ru.russian)];
            }"""
        )
    assert english == russian


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_every_width_in_both_schemes(
    browser: Browser, running: Service, tmp_path, scheme, width
) -> None:
    look = {"viewport": {"width": width, "height": 760}, "color_scheme": scheme}
    with opened(browser, running.url, **look) as page:
        assert fits(page)
        meet(page)
        say(page, "W" * 300)
        expect(last_reply(page)).to_have_text(re.compile("Reply to"))
        page.get_by_role("button", name="Why").last.click()
        assert fits(page)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = float(re.match(r"oklch\(([\d.]+)", ground)[1])
        assert (lightness > 0.9) is (scheme == "light")
        page.get_by_role("button", name="Settings").click()
        assert fits(page)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Facts").click()
        assert fits(page)
        assert len(page.screenshot(path=tmp_path / "page.png")) > 5_000


def fits(page: Page) -> bool:
    wide = """[...document.querySelectorAll("body, body *")].filter((one) =>
        one.getBoundingClientRect().right > innerWidth + 1 && !one.closest("pre, svg, [hidden], .spoken")
    ).map((one) => one.className || one.tagName)"""
    page.wait_for_timeout(50)
    assert page.evaluate(wide) == []
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")
