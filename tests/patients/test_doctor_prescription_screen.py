"""The grid of the doctor's prescription: stored as typed, errors beside the line, copied and filled by habit."""

import pytest
from django.test import Client
from django.urls import reverse

from patients.models import Prescription, Visit
from tests.cast import World
from tests.patients.doctor_desk import HTMX, LINES, examined, second_visit, signed_in, stopped_clock, url, weighed_visit
from tests.scenes import scene


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list:
    return stopped_clock(monkeypatch)


@scene
def visit(world: World) -> Visit:
    return weighed_visit(world)


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(world)


def test_orders_and_prescription_lead_to_each_other(client, visit):
    grid = client.get(url("exam-prescription", visit), headers=HTMX).content.decode()
    assert f'data-action="orders" hx-get="{url("exam-orders", visit)}"' in grid
    orders = client.get(url("exam-orders", visit), headers=HTMX).content.decode()
    assert f'data-action="prescription" hx-get="{url("exam-prescription", visit)}"' in orders


def test_a_prescription_is_stored_and_shown_again(client, visit):
    panel = client.post(url("exam-prescription", visit), LINES, headers=HTMX)
    assert "Đã lưu đơn 2 thuốc" in panel.content.decode()
    first, second = Prescription.objects.get().lines.all()
    assert (first.quantity, first.usage, second.drug.code, second.quantity) == (8, "Uống sau ăn <30'>", "TH0002", 10)
    grid = client.get(url("exam-prescription", visit), headers=HTMX).content.decode()
    assert "Uống sau ăn &lt;30&#x27;&gt;" in grid
    assert 'name="lines-2-drug"' in grid  # an empty row follows


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lines-0-quantity": "0"}, "Số lượng phải lớn hơn 0"),
        ({"lines-0-quantity": "mười"}, "Hãy gõ một số"),
        ({"lines-0-days": "31"}, "tối đa 30 ngày"),
        ({"lines-0-days": ""}, "Ghi số ngày"),
        ({"lines-0-morning": "", "lines-0-evening": ""}, "Chưa ghi liều dùng"),
        ({"lines-3-drug_text": "TH0001"}, "đã có trong đơn"),
        ({"lines-0-drug": "<x'>"}, "Chưa chọn thuốc"),
        ({"lines-0-drug": "\x00"}, "Hãy chọn thuốc"),
    ],
)
def test_a_wrong_line_is_said_beside_it_and_the_others_stay(client, visit, changes, said):
    answer = client.post(url("exam-prescription", visit), {**LINES, **changes}, headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "Uống sau ăn &lt;30&#x27;&gt;" in page
    assert not Prescription.objects.exists()


def test_the_figures_of_a_row_while_it_is_typed(client, visit, world):
    row = {**LINES, "row": "lines-0"}
    said = client.post(url("prescription-line", visit), row, headers=HTMX).content.decode()
    assert "<b>8 Viên</b>" in said
    assert "hết" in said
    other = client.post(
        url("prescription-line", visit), {**LINES, "row": "lines-3", "lines-3-drug": "TH0002"}, headers=HTMX
    ).content.decode()
    assert "<b>10 Viên</b>" in other
    assert client.post(url("prescription-line", visit), {**LINES, "row": "x'"}, headers=HTMX).content.strip() == b""
    visit.patient.allergies = "Paracetamol: nổi mẩn"
    visit.patient.save()
    said = client.post(url("prescription-line", visit), row).content.decode()
    assert "người bệnh dị ứng Paracetamol (Paracetamol: nổi mẩn)" in said
    assert "safety.allergy" in said


def test_an_earlier_prescription_is_copied_and_habits_fill_the_row(client, visit, world):
    earlier = examined(world, visit)
    now = second_visit(world, visit)
    assert "Chép đơn này" in client.get(url("doctor-visit", now)).content.decode()
    grid = client.get(url("exam-prescription", now), {"copy": earlier.prescription.pk}, headers=HTMX).content.decode()
    assert 'value="TH0002"' in grid
    assert 'value="28"' in grid
    habits = client.get(reverse("search-drugs"), {"q": ""}).content.decode()
    assert 'data-fill-morning="1"' in habits
    assert 'data-fill-days="28"' in habits
    liked = client.get(reverse("search-diagnoses"), {"q": "", "visit": now.pk}).content.decode()
    assert 'data-code="I10"' in liked
