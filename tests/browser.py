"""One real browser for all flows of a run: Debian's chromium, without a window."""

import json
import shutil
from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

SEEN = """() => {
    const all = (selector) => Array.from(document.querySelectorAll(selector));
    const typed = all("input[name], textarea[name]").filter((one) => one.value && !/hidden|password/.test(one.type));
    const asked = performance.getEntriesByType("resource").filter((one) => !one.name.includes("/static/"));
    const focus = document.activeElement;
    return {
        address: location.href, time: Math.round(performance.now()), focus: focus?.outerHTML.slice(0, 200),
        alert: document.querySelector("#alert")?.textContent, said: document.querySelector("#live")?.textContent,
        fields: Object.fromEntries(typed.map((one) => [one.name, one.value.slice(0, 80)])),
        lists: all("[role=listbox]").map((list) => [list.id, list.hidden, list.innerText]),
        asked: asked.slice(-12)
            .map((one) => [one.name, Math.round(one.startTime), Math.round(one.duration), one.responseStatus]),
        text: document.body.innerText.slice(0, 3000),
    };
}"""
"""What one would look at on a page where a flow failed."""


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of every open page what stood there when a flow failed: a failure of one run in many is not seen again."""
    report = yield
    browser = getattr(item, "funcargs", {}).get("chromium")
    if report.when == "call" and report.failed and browser is not None:
        for page in (page for context in browser.contexts for page in context.pages):
            try:
                seen = json.dumps(page.evaluate(SEEN), ensure_ascii=False, indent=1)
            except Error as error:
                seen = str(error)
            report.sections.append(("an open page", seen))
    return report


def scan(page: Page, text: str, held_up: dict[int, int] | None = None) -> None:
    """Type as a scanner does, wherever the focus is: a key every 4 ms, then Enter.

    `held_up` gives the ms that the scanner pauses before the key of a place. The keys carry their own times: how fast
    this machine is has no part in the test.
    """
    page.evaluate(
        """([text, heldUp]) => {
            const field = document.activeElement;
            let at = performance.now();
            const press = (key, place) => {
                const event = new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
                at += heldUp[place] ?? 4;
                Object.defineProperty(event, "timeStamp", {value: at});
                return field.dispatchEvent(event);
            };
            Array.from(text).forEach((key, place) => {
                if (!press(key, place) || !("value" in field)) return;
                if (field.setRangeText) field.setRangeText(key, field.selectionStart, field.selectionEnd, "end");
                field.dispatchEvent(new Event("input", {bubbles: true}));
            });
            press("Enter", text.length);
        }""",
        [text, {str(place): pause for place, pause in (held_up or {}).items()}],
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
