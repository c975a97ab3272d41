"""One real browser for all flows of a run: Debian's chromium, without a window."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once; a missing one fails the flows with its name."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "chromium is not installed"
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the test thread has an event loop while the browser runs
        expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def scan(page: Page, text: str) -> None:
    """Type as a scanner does, wherever the focus is: every key within the same few milliseconds, then Enter."""
    page.evaluate(
        """(text) => {
            const field = document.activeElement;
            const event = (key) => new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
            const press = (key) => field.dispatchEvent(event(key));
            for (const key of text) if (press(key) && "value" in field) {
                if (field.setRangeText) field.setRangeText(key, field.selectionStart, field.selectionEnd, "end");
                field.dispatchEvent(new Event("input", {bubbles: true}));
            }
            press("Enter");
        }""",
        text,
    )


class Hands:
    """A person at the keyboard, whose key strokes are counted. What a scanner types is not. Keys wait for the page."""

    PAUSE = 45  # ms between keys; a scanner has less than 30

    def __init__(self, page: Page) -> None:
        self.page, self.strokes = page, 0

    def press(self, *keys: str) -> "Hands":
        for key in keys:
            self.page.wait_for_load_state()
            self.page.keyboard.press(key)
            self.strokes += 1
        return self

    def type(self, text: str) -> "Hands":
        """Key by key, or inserted at once when an input method would compose it; every character is a stroke."""
        self.page.wait_for_load_state()
        if text.isascii():
            self.page.keyboard.type(text, delay=self.PAUSE)
        else:
            self.page.keyboard.insert_text(text)
        self.strokes += len(text)
        return self
