"""What the safety of a prescription looks like at the doctor's desk: rows, pickers, the panel before signing."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from insurance.rules import safety
from patients.models import SafetyOverride
from tests.cast import World, at
from tests.insurance.test_prescribing_safety import GIVEN, add_drug, next_visit, sign, write
from tests.insurance.walk import PARACETAMOL, Walk, hung, signed_in
from tests.scenes import scene

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("desk", "doctor", "prescription", "safety"):
        monkeypatch.setattr(f"patients.views.{module}.now", lambda: at(9))
        monkeypatch.setattr(f"patients.views.{module}.today", lambda: at(9).date(), raising=False)


@scene
def walk(world: World) -> Walk:
    step = hung(world, world.station).examine("I10")
    for code, ingredient in (("WAR", "Warfarin"), ("ASP", "Aspirin")):
        add_drug(step, code, ingredient)
    return step


@pytest.fixture
def doctor(walk: Walk) -> Client:
    return signed_in(walk.place, "doctor")


def url(name: str, walk: Walk) -> str:
    return reverse(name, args=[walk.visit.pk])


def typed(*codes: str, **more: str) -> dict[str, str]:
    sent = dict(more)
    for number, code in enumerate(codes):
        sent |= {f"lines-{number}-drug": code, f"lines-{number}-morning": "1", f"lines-{number}-days": "5"}
    return sent


def test_a_typed_line_tells_every_row_what_it_changed(walk, doctor):
    sent = typed("WAR", "ASP", PARACETAMOL)
    page = doctor.post(url("prescription-line", walk), {**sent, "row": "lines-0"}, headers=HTMX).content.decode()
    parts = dict(re.findall(r'<div id="(lines-\d)-notices" hx-swap-oob="true">(.*?)</div>', page, re.DOTALL))
    assert list(parts) == ["lines-0", "lines-1", "lines-2"]
    assert ["safety.interaction" in part for part in parts.values()] == [False, True, False]
    (key,) = set(re.findall(r'name="reason-([0-9a-f]{64})-code"', page))
    chosen = {f"reason-{key}-code": "consulted", f"reason-{key}-words": "BS. Mẫu"}
    page = doctor.post(
        url("prescription-line", walk), {**sent, **chosen, "row": "lines-1"}, headers=HTMX
    ).content.decode()
    assert '<option value="consulted" selected>' in page
    assert 'value="BS. Mẫu"' in page
    saved = doctor.post(url("exam-prescription", walk), {**sent, **chosen}, headers=HTMX).content.decode()
    assert SafetyOverride.objects.get().words == "BS. Mẫu"
    assert '<div id="reasons" hx-swap-oob="true">' in saved
    assert "Đã có" in saved


def test_signing_asks_for_the_reason_where_it_is_given(walk, doctor):
    (notice,) = write(walk, "WAR", "ASP")
    sent = {"main": "I10", "outcome": "home", "treatment_result_code": "2", "history": "Đã gõ"}
    asked = doctor.post(url("exam-sign", walk), sent)
    assert asked.status_code == 422
    page = asked.content.decode()
    assert "mỗi cảnh báo dưới đây cần một lý do" in page
    assert re.search(rf'name="reason-{notice.key}-code" class="wanted" aria-invalid="true"', page)
    assert "Đã gõ" in page
    done = doctor.post(url("exam-sign", walk), {**sent, f"reason-{notice.key}-code": "tolerated"}, follow=True)
    assert "Đã ký phiếu khám" in done.content.decode()
    signed = doctor.get(reverse("doctor-visit", args=[walk.visit.pk])).content.decode()
    assert "Lý do: Đã dùng, dung nạp tốt" in signed


def test_a_copied_prescription_is_checked_in_the_grid(walk, doctor):
    (notice,) = write(walk, "WAR", "ASP")
    sign(walk, reasons={notice.key: GIVEN})
    walk.visit.refresh_from_db()
    later = next_visit(walk, 0)
    grid = doctor.get(f"{url('exam-prescription', later)}?copy={walk.prescription.pk}", headers=HTMX).content.decode()
    assert "safety.interaction" in grid
    assert "safety.still_at_home" in grid
    assert grid.count("Cần lý do…") >= 3


def test_what_cannot_be_checked_is_said_in_the_grid_and_before_signing(walk, doctor, monkeypatch):
    write(walk, "WAR")

    def broken(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(safety, "gather", broken)
    grid = doctor.get(url("exam-prescription", walk), headers=HTMX).content.decode()
    page = doctor.get(reverse("doctor-visit", args=[walk.visit.pk])).content.decode()
    assert "<b>Chưa kiểm tra được:</b> An toàn kê đơn" in grid
    assert "<b>Chưa kiểm tra được:</b> An toàn kê đơn" in page
