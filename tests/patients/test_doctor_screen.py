"""The doctor's desk through its addresses: what it shows, keeps, refuses, and how few queries it needs."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from his.catalogs.models import DiagnosisPair
from his.core.dates import local
from patients.models import Exam, Prescription, ServiceOrder, Visit, VitalSigns
from patients.services.visits import record_vitals
from patients.views import desk
from tests.cast import World, at, lan_visit, weigh
from tests.patients.doctor_desk import (
    HTMX,
    LINES,
    TEXT,
    examined,
    second_visit,
    signed_in,
    stopped_clock,
    typed,
    url,
    weighed_visit,
)
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


def test_opening_a_visit_shows_it_and_writes_nothing(client, visit):
    page = client.get(url("doctor-visit", visit)).content.decode()
    assert "Nguyễn Thị Lan" in page
    assert "72 tuổi" in page
    assert "Chưa ghi nhận dị ứng" in page
    assert 'value="Đau đầu, chóng mặt"' in page
    assert not Exam.objects.exists()


def test_the_next_number_is_called_and_begun(client, visit):
    answer = client.post(reverse("doctor-next"))
    assert answer.url == url("doctor-visit", visit)
    assert Exam.objects.get().started_at == at(8, 30)
    assert client.post(reverse("doctor-next"), follow=True).content.decode().count("Không còn ai chờ") == 1


def test_a_draft_comes_back_exactly(client, visit):
    sent = typed(history="", **{"others-0-code": "E11.9", "others-1-code_text": "J06.9", "outcome": "follow_up"})
    assert client.post(url("exam-draft", visit), sent).status_code == 204
    exam = Exam.objects.get()
    assert exam.findings == TEXT
    assert [d.code for d in exam.diagnoses.all()] == ["I10", "E11.9", "J06.9"]
    page = client.get(url("doctor-visit", visit)).content.decode()
    assert "Đau &lt;b&gt;đầu&lt;/b&gt;" in page
    assert "<b>đầu</b>" not in page


def test_a_draft_keeps_texts_while_a_diagnosis_is_wrong(client, visit):
    assert client.post(url("exam-draft", visit), typed(main="R9'<")).status_code == 204
    assert Exam.objects.get().findings == TEXT


def test_signing_ends_the_exam_and_returns_to_the_queue(client, visit):
    answer = client.post(url("exam-sign", visit), typed(), follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain[0][0] == reverse("doctor")
    assert "Đã ký phiếu khám Nguyễn Thị Lan" in page
    assert Exam.objects.get().is_signed
    again = client.post(url("exam-sign", visit), typed(), follow=True).content.decode()
    assert "đã khám và ký" in again
    assert TEXT.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:20] in again


TRANSFER = {
    "history": "Đau ngực 2 giờ",
    "outcome": "transfer",
    "transfer_facility_code": "99002",
    "transfer_reason_code": "2",
    "transfer_condition": "Tỉnh & tiếp xúc tốt",
    "transfer_plan": "Can thiệp mạch vành",
    "transport": "Xe cứu thương",
}


def test_a_transfer_slip_is_proposed_kept_and_signed(world, client, visit):
    record_vitals(
        visit=visit,
        pulse=90,
        temperature=Decimal("37.2"),
        systolic=140,
        diastolic=85,
        actor=world.station.actor("doctor"),
        at=at(8, 20),
    )
    page = client.get(url("doctor-visit", visit)).content.decode()
    assert 'value="Mạch 90 lần/phút, nhiệt độ 37,2 °C, huyết áp 140/85 mmHg"' in page
    assert 'value="Người bệnh tự túc"' in page
    hidden = {name: value for name, value in TRANSFER.items() if name != "outcome"}
    assert client.post(url("exam-draft", visit), typed(**hidden)).status_code == 204
    assert Exam.objects.get().transfer_condition == ""
    assert client.post(url("exam-draft", visit), typed(**{**TRANSFER, "escort_name": "Y sĩ Mẫu"})).status_code == 204
    draft = Exam.objects.get()
    assert (draft.transfer_condition, draft.escort_name) == (TRANSFER["transfer_condition"], "Y sĩ Mẫu")
    assert "Tỉnh &amp; tiếp xúc tốt" in client.get(url("doctor-visit", visit)).content.decode()
    client.post(url("exam-sign", visit), typed(**TRANSFER))
    signed = client.get(url("doctor-visit", visit)).content.decode()
    assert "99001.GC26.000001 · Tỉnh &amp; tiếp xúc tốt · Can thiệp mạch vành · Xe cứu thương" in signed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({**TRANSFER, "transport": ""}, "Hãy ghi phương tiện vận chuyển"),
        ({**TRANSFER, "history": " "}, "hãy ghi bệnh sử"),
        ({**TRANSFER, "transfer_reason_code": "9"}, "Hãy chọn một lựa chọn hợp lệ"),
        ({"main": ""}, "Chưa có bệnh chính"),
        ({"main": "", "main_text": "huyết áp"}, "Chưa chọn mã bệnh cho “huyết áp”"),
        ({"main": "X99"}, "Mã bệnh X99 không có trong danh mục"),
        ({"others-0-code": "I10"}, "Mã I10 bị ghi hai lần"),
        ({"outcome": "follow_up", "follow_up_on": "31022027"}, "Ngày không có thật"),
        ({"outcome": "follow_up", "follow_up_on": "05/10/2026"}, "một ngày sau hôm nay"),
        ({"outcome": "transfer", "transfer_facility_code": "9'<"}, "gồm 5 số"),
        ({"treatment": "x" * 1001}, "Dài quá 1.000 ký tự"),
        ({"outcome": "<x>"}, "Hãy chọn một lựa chọn hợp lệ"),
        ({"main": "\x00"}, "Chưa có bệnh chính"),
    ],
)
def test_what_cannot_be_signed_is_said_and_nothing_typed_is_lost(client, visit, changes, said):
    answer = client.post(url("exam-sign", visit), typed(**changes))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "Đau &lt;b&gt;đầu" in page
    assert not Exam.objects.filter(signed_at__isnull=False).exists()


def test_choosing_a_service_orders_it(client, visit):
    panel = client.post(url("exam-orders", visit), {"service": "23.0075.1494", "quantity": "1"}, headers=HTMX)
    assert "Chờ Xét nghiệm" in panel.content.decode()
    order = ServiceOrder.objects.get()
    for sent, said in [
        ({"service": "23.0075.1494", "quantity": "1"}, "đang chờ thực hiện"),
        ({"service": "22.0121.1369", "quantity": "0"}, "lớn hơn 0"),
        ({"service": "22.0121.1369", "quantity": "hai"}, "Hãy gõ một số"),
        ({"service": "", "service_text": "đường <máu>", "quantity": "1"}, "Chưa chọn dịch vụ cho “đường &lt;máu&gt;”"),
    ]:
        answer = client.post(url("exam-orders", visit), sent, headers=HTMX)
        assert answer.status_code == 422
        assert said in answer.content.decode()
    refused = client.post(reverse("order-cancel", args=[order.pk]), {"reason": ""}, headers=HTMX)
    assert (refused.status_code, "Hãy ghi lý do hủy" in refused.content.decode()) == (422, True)
    client.post(reverse("order-cancel", args=[order.pk]), {"reason": "Trùng"}, headers=HTMX)
    assert ServiceOrder.objects.get().state == ServiceOrder.State.CANCELLED


def test_a_signed_exam_is_read_only_and_takes_amendments(client, visit, world):
    exam = examined(world, visit)
    page = client.get(url("doctor-visit", visit)).content.decode()
    assert exam.snapshot_sha256 in page
    assert "Phiếu khám đã ký" in page
    assert client.post(url("exam-draft", visit), typed()).status_code == 409
    refused = client.post(url("exam-amend", visit), {"text": "Thêm", "reason": ""})
    assert (refused.status_code, "Hãy ghi lý do bổ sung" in refused.content.decode()) == (422, True)
    client.post(url("exam-amend", visit), {"text": "Tiền sử <mổ>", "reason": "Bổ sung"})
    assert "Tiền sử &lt;mổ&gt;" in client.get(url("doctor-visit", visit)).content.decode()


def test_vital_signs_are_entered_in_the_strip(client, visit):
    wrong = client.post(url("exam-vitals", visit), {"pulse": "900"}, headers=HTMX)
    assert (wrong.status_code, "Mạch từ 20" in wrong.content.decode()) == (422, True)
    stored = client.post(url("exam-vitals", visit), {"pulse": "78", "temperature": "37,5"}, headers=HTMX)
    assert "37,5" in stored.content.decode()


def test_searches_find_without_marks_and_survive_any_text(client, visit):
    found = client.get(reverse("search-diagnoses"), {"q": "tang huyet ap", "kind": "main"}).content.decode()
    assert 'data-code="I10"' in found
    assert 'data-code="22.0121.1369"' in client.get(reverse("search-services"), {"q": "te bao mau"}).content.decode()
    assert 'data-code="TH0002"' in client.get(reverse("search-drugs"), {"q": "amlo"}).content.decode()
    for name in ("search-diagnoses", "search-services", "search-drugs"):
        for q in ("'", "<", "\x00", "%_\\", "(" * 300, "“"):
            assert client.get(reverse(name), {"q": q}).status_code == 200


def test_a_changed_panel_is_drawn_again_an_unchanged_one_is_not(client, visit):
    page = client.get(url("doctor-visit", visit))
    version = page.context["panel_version"]
    assert client.get(url("doctor-panel", visit), {"v": version}).status_code == 204
    client.post(url("exam-orders", visit), {"service": "23.0075.1494", "quantity": "1"}, headers=HTMX)
    assert "Chờ" in client.get(url("doctor-panel", visit), {"v": version}).content.decode()
    queue = client.get(reverse("doctor")).context["queue_version"]
    assert client.get(reverse("doctor-queue"), {"v": queue}).status_code == 204
    assert client.get(reverse("doctor-queue"), {"v": "old"}).status_code == 200


ROUTES = [
    ("doctor-visit", "get"),
    ("doctor-panel", "get"),
    ("exam-draft", "post"),
    ("exam-sign", "post"),
    ("exam-amend", "post"),
    ("exam-vitals", "get"),
    ("exam-vitals", "post"),
    ("exam-orders", "get"),
    ("exam-orders", "post"),
    ("exam-prescription", "get"),
    ("exam-prescription", "post"),
    ("prescription-line", "post"),
]


@pytest.mark.parametrize(("name", "method"), ROUTES)
def test_a_visit_of_another_facility_is_not_found(world, visit, name, method):
    stranger = Client()
    stranger.force_login(world.hospital.users["doctor"])
    assert getattr(stranger, method)(url(name, visit), typed()).status_code == 404
    assert not Exam.objects.exists()


def test_an_order_and_a_prescription_of_another_facility_are_not_found(world, visit, client):
    client.post(url("exam-orders", visit), {"service": "23.0075.1494", "quantity": "1"}, headers=HTMX)
    order = ServiceOrder.objects.get()
    stranger = Client()
    stranger.force_login(world.hospital.users["doctor"])
    assert stranger.post(reverse("order-cancel", args=[order.pk]), {"reason": "x"}).status_code == 404
    theirs = lan_visit(world.hospital)
    client.post(url("exam-prescription", visit), LINES, headers=HTMX)
    copied = {"copy": Prescription.objects.get().pk}
    assert stranger.get(url("exam-prescription", theirs), copied).status_code == 404
    assert stranger.get(reverse("search-diagnoses"), {"q": "i10", "visit": visit.pk}).status_code == 404


@pytest.mark.parametrize("role", ["reception", "nurse", "technician", "cashier"])
def test_only_who_examines_opens_the_desk(world, visit, role):
    other = Client()
    other.force_login(world.station.users[role])
    for name in ("doctor-visit", "exam-sign", "exam-prescription"):
        assert other.post(url(name, visit)).status_code in {403, 405}
    assert other.get(reverse("doctor")).status_code == 403


def test_the_room_is_one_of_the_facility(client, world):
    own, other = world.station.rooms["PK1"], world.hospital.rooms["PK1"]
    assert client.get(reverse("doctor"), {"room": own.pk}).status_code == 302
    assert client.get(reverse("doctor"), {"room": other.pk}).status_code == 404
    assert client.get(reverse("doctor"), {"room": "x'"}).status_code == 404


def test_queries_of_the_screen_do_not_grow_with_the_queue(client, visit, world, django_assert_max_num_queries):
    examined(world, visit)
    now = second_visit(world, visit)
    client.get(url("doctor-visit", now))
    with django_assert_max_num_queries(23):
        client.get(url("doctor-visit", now))
    for _ in range(4):
        second_visit(world, visit)
    with django_assert_max_num_queries(23):
        client.get(url("doctor-visit", now))
    with django_assert_max_num_queries(8):
        client.get(reverse("doctor"))


def test_the_desk_has_one_clock(monkeypatch):
    """The screens take the time from one place, which is aware and real."""
    monkeypatch.undo()
    assert desk.now().tzinfo is not None
    assert desk.today() == local(desk.now()).date()


def test_a_missing_weight_opens_the_vital_signs_above_the_typed_exam(client, visit):
    VitalSigns.objects.all().delete()
    answer = client.post(url("exam-sign", visit), typed())
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Chưa có cân nặng: hồ sơ BHYT bắt buộc. Hãy đo sinh hiệu." in page
    assert re.search(r'<input[^>]*name="weight_kg"[^>]*data-focus', page)
    assert "Đau &lt;b&gt;đầu" in page  # what was typed stays
    assert client.post(url("exam-vitals", visit), {"weight_kg": "52,5"}, headers=HTMX).status_code == 200
    assert client.post(url("exam-sign", visit), typed()).status_code == 302


def test_a_missing_reason_is_said_beside_its_field(client, visit):
    Visit.objects.update(reason="")
    answer = client.post(url("exam-sign", visit), typed(reason=""))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["reason"]


def test_diagnoses_are_looked_at_as_they_are_chosen(client, visit):
    since = {"valid_from": date(2020, 1, 1), "source": "test"}
    DiagnosisPair.objects.create(dagger_code="A01.0", asterisk_code="I39.0", main_code="I39.0", **since)
    answer = client.post(url("exam-warnings", visit), {"main": "A01.0", "others-0-code": "I39.0"}, headers=HTMX)
    assert "bệnh chính phải là I39.0" in answer.content.decode()
    fine = client.post(url("exam-warnings", visit), {"main": "I39.0", "others-0-code": "A01.0"}, headers=HTMX)
    assert fine.content.strip() == b""
    assert client.post(url("exam-warnings", visit), {"main": "<'\x00"}, headers=HTMX).status_code == 200
    assert not Exam.objects.exists()


@pytest.fixture
def at_hospital(world: World) -> tuple[Visit, Client, Client]:
    """Bà Lan at the hospital with the desks of PK1 and PK5."""
    place = world.hospital
    row = lan_visit(place)
    weigh(row, place)
    desks = []
    for key, room in (("doctor", "PK1"), ("doctor5", "PK5")):
        desk_client = Client()
        desk_client.force_login(place.users[key])
        desk_client.get(reverse("doctor"), {"room": place.rooms[room].pk})
        desks.append(desk_client)
    return row, desks[0], desks[1]


def test_a_person_is_sent_on_and_examined_in_the_other_room(at_hospital, world):
    row, first, second = at_hospital
    place = world.hospital
    page = first.get(url("doctor-visit", row)).content.decode()
    assert "PK5 · Phòng khám Ngoại" in page
    assert "PK1 · Phòng khám Nội 1</option>" not in page  # not to the room itself
    forgotten = first.post(url("exam-sign", row), typed(outcome="send_on"))
    assert (forgotten.status_code, list(forgotten.context["form"].errors)) == (422, ["send_on_to"])
    here = first.post(url("exam-sign", row), typed(outcome="send_on", send_on_to=str(place.rooms["PK1"].pk)))
    assert (here.status_code, list(here.context["form"].errors)) == (422, ["send_on_to"])
    there = typed(outcome="send_on", send_on_to=str(place.rooms["PK5"].pk))
    done = first.post(url("exam-sign", row), there, follow=True).content.decode()
    assert "chuyển Phòng khám Ngoại số 001" in done
    # Sent twice: the first desk begins nothing in the other room and sees what it signed.
    again = first.post(url("exam-sign", row), there, follow=True).content.decode()
    assert "đã chuyển sang Phòng khám Ngoại" in again
    assert "Đang chờ Phòng khám Ngoại khám tiếp" in again
    assert first.post(url("exam-draft", row), typed()).status_code == 409
    assert Exam.objects.count() == 1
    # The second desk gets an empty form, and the first exam among the earlier ones.
    waiting = second.get(url("doctor-visit", row)).content.decode()
    assert "Ký, kết thúc" in re.sub(r"</?u>", "", waiting)
    assert "Trần Quang Giả" in waiting
    assert second.post(reverse("doctor-next")).url == url("doctor-visit", row)
    assert second.post(url("exam-sign", row), typed(main="E11.9")).status_code == 302
    row.refresh_from_db()
    assert row.state == Visit.State.EXAMINED
    assert [exam.room.code for exam in row.exams.order_by("pk")] == ["PK1", "PK5"]


def test_who_does_not_go_to_the_other_room_is_ended_by_the_first_desk(at_hospital, world):
    row, first, _ = at_hospital
    first.post(url("exam-sign", row), typed(outcome="send_on", send_on_to=str(world.hospital.rooms["PK5"].pk)))
    ended = first.post(url("exam-end-wait", row), follow=True).content.decode()
    assert "Đã kết thúc lượt khám" in ended
    row.refresh_from_db()
    assert (row.state, row.room.code) == (Visit.State.EXAMINED, "PK1")
