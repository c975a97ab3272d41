"""One exam in two pages of a browser: the later one is told, keeps what was typed, and lets the doctor choose."""

from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from patients.models import Exam
from tests.cast import World, at, lan_visit, weigh

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def leave_with(page: Page, name: str, words: str) -> None:
    """Type into a field and leave it, which keeps the draft."""
    page.fill(f"#id_{name}", words)
    page.keyboard.press("Tab")


def test_two_pages_hold_the_same_exam(world: World, live_server: Any, chromium: Browser) -> None:
    place = world.hospital
    visit = lan_visit(place)
    weigh(visit, place)
    client = Client()
    client.force_login(place.users["doctor"])
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, base_url=live_server.url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    with time_machine.travel(at(14), tick=True):
        pages = [context.new_page() for _ in range(2)]
        for page in pages:
            page.goto(reverse("doctor-visit", args=[visit.pk]))
            page.wait_for_load_state()
        first, second = pages
        state = "[data-draft-state]"
        # The first page goes on as long as it likes.
        before = ""
        for words in ("Tim đều", "Tim đều, mạch 78", "Tim đều, mạch 80"):
            with first.expect_response("**/draft/") as answer:
                leave_with(first, "findings", words)
            assert answer.value.status == 204
            expect(first.locator(state)).to_contain_text("Đã lưu nháp")
            expect(first.locator("[name=seen]")).not_to_have_value(before)
            before = first.input_value("[name=seen]")
        # The second one is told, and stores nothing.
        leave_with(second, "findings", "Phổi trong")
        said = "Phiếu này vừa được sửa ở nơi khác lúc 14:0"
        expect(second.locator(state)).to_contain_text(said)
        expect(second.locator(state)).to_contain_text("bản nháp ở đây chưa lưu. Nhấn F9 để xem hai bản")
        expect(second.locator("#alert")).to_contain_text(said)
        assert Exam.objects.get().findings == "Tim đều, mạch 80"
        # F9 shows both; nothing that was typed is gone.
        second.keyboard.press("F9")
        expect(second.locator("#work .notice.error")).to_contain_text("Tim đều, mạch 80")
        expect(second.locator("#work .notice.error")).to_be_focused()  # the script is there
        expect(second.locator("#id_findings")).to_have_value("Phổi trong")
        expect(second.locator(state)).to_have_text("")
        # Put together and kept, by keys; then the second page goes on and the first one is behind.
        second.fill("#id_findings", "Tim đều, mạch 80, phổi trong")
        second.keyboard.press("Alt+i")
        expect(second.locator("#messages")).to_contain_text("Đã giữ phần gõ ở đây")
        expect(second.locator("#id_history")).to_be_focused()  # where the script begins
        assert Exam.objects.get().findings == "Tim đều, mạch 80, phổi trong"
        leave_with(second, "advice", "Uống nhiều nước")
        expect(second.locator(state)).to_contain_text("Đã lưu nháp")
        leave_with(first, "advice", "Nghỉ ngơi")
        expect(first.locator(state)).to_contain_text(said)
        # A click on signing leaves a field: its draft and the signing are sent at once and are one page's.
        second.fill("#id_advice", "Uống đủ nước")
        second.get_by_role("button", name="Ký, kết thúc").click()
        expect(second.locator("#work .summary")).to_contain_text("Chưa có bệnh chính")
        stored = Exam.objects.get()
        assert (stored.advice, stored.is_signed) == ("Uống đủ nước", False)
        # The first one takes what is stored.
        first.keyboard.press("F9")
        expect(first.locator("#work .notice.error")).to_contain_text("Nghỉ ngơi")
        expect(first.locator("#work .notice.error")).to_be_focused()  # the script is there
        first.keyboard.press("Alt+u")
        expect(first.locator("#id_advice")).to_have_value("Uống đủ nước")
        expect(first.locator("#id_history")).to_be_focused()  # where the script begins
        with first.expect_response("**/draft/") as answer:
            leave_with(first, "advice", "Uống đủ nước, nghỉ ngơi")
        assert answer.value.status == 204
    assert Exam.objects.get().advice == "Uống đủ nước, nghỉ ngơi"
    context.close()
