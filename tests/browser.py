"""A real browser on the page: Chromium where the machine has one, else a test skipped with the reason."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser without a window."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(
            f"no browser here: one of {', '.join(_NAMES)} is needed (Debian: apt-get install chromium)"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, url: str, **context: Any) -> Iterator[Page]:
    """Open the page as a new visitor. Whatever the browser complains about fails the test at the end."""
    complaints: list[str] = []
    settings = {"viewport": {"width": 1100, "height": 800}, "locale": "en-US", "reduced_motion": "reduce"}
    visitor = browser.new_context(**settings | context)
    visitor.set_default_timeout(10_000)
    page = visitor.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda entry: complaints.append(entry.text) if entry.type in _LOUD else None)
    try:
        page.goto(url)
        yield page
    finally:
        visitor.close()
    assert [one for one in complaints if not one.startswith(_NETWORK)] == []


_LOUD = {"error", "warning"}
_NETWORK = "Failed to load resource"
"""Chromium says so of every answer that is an error, those a test asks for included."""
