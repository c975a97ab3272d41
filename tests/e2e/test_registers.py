"""The antenatal register by keyboard in a real browser: write a line for a known woman, correct it, print it."""

import pytest
import time_machine
from playwright.sync_api import expect

from reports.models import RegisterEarlier, RegisterEntry, RegisterPrint
from tests.cast import World, at, ba_lan
from tests.e2e.test_walk import Desks, desks  # noqa: F401 - a fixture
from tests.e2e.test_workbench import fits
from tests.pdf_text import joined, pieces

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def test_a_line_is_written_corrected_and_printed(world: World, desks: Desks) -> None:  # noqa: F811
    patient, _ = ba_lan(world.station)
    with time_machine.travel(at(14), tick=True):
        page, hands = desks.open("nurse.tyt", "registers")
        page.get_by_role("link", name="Sổ khám thai").press("Enter")
        expect(page.locator("h1", has_text="Sổ khám thai")).to_be_visible()
        hands.press("F2")
        expect(page.locator("#id_patient_text")).to_be_focused()
        hands.type("lan")
        expect(page.locator("#id_patient_list [role=option]").first).to_contain_text("Nguyễn Thị Lan")
        hands.press("Enter")
        expect(page.locator("#id_address")).to_have_value("Thôn Giả Định, xã Thí Dụ")
        expect(page.locator("#id_age")).to_have_value("72")
        fits(page)
        page.locator("#id_gestation").fill("60")
        hands.press("F9")
        expect(page.locator("[role=alert].summary")).to_contain_text("Phải từ 1 đến 44")
        expect(page.locator("#id_patient_text")).to_have_value("Nguyễn Thị Lan")
        assert all("422" in text for text in desks.wrong), "the browser notes the refusal, nothing else"
        desks.wrong.clear()
        page.locator("#id_gestation").fill("24")
        hands.press("F9")
        expect(page.locator("#messages")).to_contain_text("Đã ghi Sổ khám thai số 1/2026")
        entry = RegisterEntry.objects.get()
        assert (entry.patient_id, entry.values["gestation"]) == (patient.pk, "24")

        page.get_by_role("link", name="Nguyễn Thị Lan").press("Enter")
        expect(page.locator("h1", has_text="số 1/2026")).to_be_visible()
        page.locator("#id_gestation").fill("25")
        page.locator("#id_reason").fill("Tính lại")
        hands.press("F9")
        expect(page.locator("#messages")).to_contain_text("bản 2")
        expect(page.locator("#panel")).to_contain_text("Tính lại")
        assert RegisterEarlier.objects.get().values["gestation"] == "24"
        entry.refresh_from_db()
        assert (entry.patient_id, entry.values["gestation"]) == (patient.pk, "25"), "still the same woman"
        fits(page)

        hands.press("Alt+b")
        expect(page.locator("[name=start]")).to_be_visible()
        expect(page.locator("#work table")).to_contain_text("đã sửa")
        fits(page)
        with page.expect_popup() as popup:
            hands.press("F10")
        paper = page.request.get(popup.value.url)
        assert paper.headers["content-type"] == "application/pdf"
        assert "đã sửa sau lần in" not in joined(pieces(paper.body())), "the first print is the measure"
        assert RegisterPrint.objects.filter(register="A3", line_count=1).exists()
