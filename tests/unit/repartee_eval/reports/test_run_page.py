"""The page in a real browser."""

import pytest
from playwright.sync_api import Browser, expect

from repartee_eval.reports.run_html import as_html
from repartee_eval.run_result import read_result
from tests.browser import chromium, opened
from tests.unit.repartee_eval.made_runs import CRITERIA, both_orders, drawn, flags_of, made_case, make_run

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def browser(url):  # the run is made before: a browser keeps an event loop
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("page")
    cases = [made_case(number) for number in range(40)]
    cases[0] = made_case(0, a=HOSTILE, b=f"{'w' * 5_000} zebra")
    rows = drawn(cases[2:], 0.9)
    rows += [row for name in CRITERIA for row in both_orders(cases[0], name, "a", "a", reason=HOSTILE)]
    rows += [row for name in CRITERIA for row in both_orders(cases[1], name, "a", "b")]
    flagged = flags_of(cases, ["sexting"], {cases[0].id: ("sexting", "severe")})
    result = read_result(make_run(folder / "r", cases, rows, flagged, floors=["sexting"]))
    (folder / "report.html").write_text(as_html(result), "utf-8")
    return (folder / "report.html").as_uri()


def test_cases_are_found_by_filters_and_text(browser: Browser, url: str):
    with opened(browser, url) as page:
        shown = page.locator(".case:visible")
        expect(shown).to_have_count(40)
        page.get_by_label("Outcome").select_option("B flagged")
        expect(page.locator("#count")).to_have_text("1 of 40 cases")
        page.get_by_role("button", name="Clear").click()
        page.get_by_label("Text", exact=True).fill("ZEBRA")
        expect(shown).to_have_count(1)
        page.get_by_label("Outcome").select_option("B wins")
        expect(page.get_by_text("No case fits these filters.")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
        page.get_by_label("Criterion").select_option("engagement")
        page.get_by_label("Outcome").select_option("flips")
        flips = page.locator("[data-outcomes*='engagement:flip']").count()
        expect(page.locator("#count")).to_have_text(f"{flips} of 40 cases")
        assert page.title() != "owned"


def test_a_case_opens_with_the_keyboard_and_from_a_link(browser: Browser, url: str):
    with opened(browser, url) as page:
        first = page.locator(".case").nth(1)
        first.locator("> summary").focus()
        page.keyboard.press("Enter")
        expect(first.locator(".sides")).to_be_visible()
        page.get_by_role("link", name="case", exact=True).click()
        expect(page.locator(".case").first.locator(".sides")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_all_can_be_read(
    browser: Browser, url: str, width: int, scheme: str
):
    with opened(browser, url, viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(_WEAKEST_CONTRAST) >= 4.5


def test_without_javascript_numbers_and_cases_can_be_read(browser: Browser, url: str):
    with opened(browser, url, java_script_enabled=False) as page:
        expect(page.locator("#decision")).to_contain_text("B breaches a floor: sexting.")
        expect(page.locator("#filters")).to_be_hidden()
        case = page.locator(".case").first
        case.locator("> summary").click()
        expect(case.locator(".side.b")).to_contain_text("www")


_WEAKEST_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const linear = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = colour.slice(0, 3).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const texts = "h1, h2, .reason, .word, .note, .mark, .chip, .counts span, .speaker, p, th, td, .flag, a";
  const greyed = (one) => one.closest(".rehearsal");
  return Math.min(...[...document.querySelectorAll(texts)].filter((one) => !greyed(one)).map((one) => {
    const [a, b] = [light(rgba(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }));
}"""
"""WCAG 2.2 contrast of text against the nearest ground of one colour."""
