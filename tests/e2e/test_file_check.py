"""A finance officer checks files of another system by keyboard: from the claims desk to the field that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django import Settings

from insurance.checking import work
from tests.browser import Hands
from tests.cast import World
from tests.e2e.test_accessibility import RULES, signed_in
from tests.insurance.claim_files import file_xml, visit_xml

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def test_from_the_desk_to_the_field(
    world: World,
    live_server: Any,
    chromium: Browser,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.VAR_DIR = tmp_path / "var"
    begun: list[Path] = []
    monkeypatch.setattr(work, "start", lambda job: begun.append(job.folder))
    visits = [visit_xml("XML1.T_BHTT=1.00", code=f"99001.2608.{number:06}") for number in range(60)]
    (tmp_path / "august.xml").write_bytes(file_xml(*visits))
    (tmp_path / "words.xml").write_text("không phải XML", "utf-8")
    page, axe = signed_in(chromium, live_server.url, world.station, "claims"), Axe()

    def no_violation() -> None:
        assert [one["id"] for one in axe.run(page, options=RULES).response["violations"]] == []

    hands = Hands(page)
    page.goto(reverse("claims"))
    hands.press("Alt+k")
    page.wait_for_url("**/claims/check/")
    page.set_input_files("#id_files", [tmp_path / "august.xml", tmp_path / "words.xml"])
    no_violation()
    hands.press("F9")
    expect(page.get_by_text("Đang kiểm tra 0%")).to_be_visible()
    work.carry_out(begun[0])
    expect(page.get_by_text("Không đọc được 1 chỗ")).to_be_visible()
    no_violation()
    row = page.get_by_role("row").filter(has_text="T_BHTT").first
    row.get_by_role("link").focus()
    hands.press("Enter")
    expect(page.get_by_text("60 chỗ, 60 hồ sơ")).to_be_visible()
    hands.press("F7", "ArrowDown", "Enter")
    expect(page.locator("#asked")).to_contain_text("T_BHTT")
    expect(page.locator("#asked")).to_be_in_viewport()
    no_violation()
    hands.press("Alt+q")
    expect(page.get_by_text("Tải JSON")).to_be_visible()
    with page.expect_download() as download:
        hands.press("Alt+j")
    records = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert {record["file"] for record in records} == {"august.xml", "words.xml"}
    page.context.close()
