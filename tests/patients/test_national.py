"""Sending prescriptions to the national system: nothing signed is missed, nothing goes twice, what fails says why."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from his.catalogs.models import Drug
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.demo.places import Place
from patients import queries_national as queue
from patients.models import NationalLink, Patient, Prescription, PrescriptionSending, PrescriptionSheet
from patients.national import stand_in
from patients.national.document import sent_of
from patients.national.port import AnswerLost, PrescriptionRejected, Receipt, SystemUnavailable, body
from patients.national.stand_in import StandIn
from patients.national.systems import stand_in_of
from patients.services.national import link_national, send_waiting, wait_after
from patients.services.prescriptions import LineInput
from patients.services.replacement import replace_prescription
from tests.cast import DAY, World, at
from tests.insurance.walk import signed_in
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL, hung_prescription, lan_prescription


@pytest.fixture
def place(world: World, settings, tmp_path: Path) -> Place:
    """The hospital with a prescribing code, its stand-in in a folder of its own; linked by whoever asks."""
    settings.VAR_DIR = tmp_path
    facility = world.hospital.facility
    facility.prescribing_code = "vd992"
    facility.save(update_fields=["prescribing_code"])
    return world.hospital


@pytest.fixture
def link(place: Place) -> NationalLink:
    return link_national(system="stand_in", since=DAY, actor=place.actor("admin"))


@pytest.fixture
def system(link: NationalLink) -> StandIn:
    return stand_in_of(link)


@pytest.fixture
def lan(world: World, place: Place) -> Prescription:
    """Bà Lan's prescription of one ordinary drug."""
    return lan_prescription(world, place)


def sheet_of(prescription: Prescription) -> PrescriptionSheet:
    return queue.paper(prescription.facility, prescription.sheets.get().pk)


def hung(world: World, place: Place, *drugs: tuple[str, int]) -> Prescription:
    """Anh Hùng's prescription; he says where he lives, which the system wants to know."""
    prescription = hung_prescription(world, place, *drugs)
    Patient.objects.filter(pk=prescription.visit.patient_id).update(address="Thôn Thí Dụ")
    return prescription


def send(place: Place, hour: int = 10, minute: int = 0, *, is_forced: bool = False):
    return send_waiting(actor=place.actor("doctor"), at=at(hour, minute), is_forced=is_forced)


def test_what_was_signed_waits_and_is_sent_once(place: Place, lan: Prescription, system: StandIn, link) -> None:
    assert queue.waiting(link).count() == 1, "also what was signed before the link was made, on its first day"
    first = send(place)
    assert (first.sent, first.rejected, first.left, first.problem) == (1, 0, 0, "")
    again = send(place, 11)
    assert again.sent == 0
    row = PrescriptionSending.objects.get()
    assert (row.state, row.attempts, len(row.checksum)) == ("sent", 1, 64)
    assert system.taken() == {sheet_of(lan).code.lower(): row.body}


def test_what_is_sent(world: World, place: Place, link: NationalLink) -> None:
    Drug.objects.for_facility(place.facility).filter(code=AMLODIPIN).update(control_class="psychotropic")
    doctor = place.actor("doctor").practitioner()
    doctor.prescribes_controlled = True
    doctor.save(update_fields=["prescribes_controlled"])
    prescription = hung(world, place, (PARACETAMOL, 14), (AMLODIPIN, 7))
    said = {sheet.kind: body(sent_of(queue.paper(place.facility, sheet.pk))) for sheet in prescription.sheets.all()}
    ordinary, controlled = said["C"], said["H"]
    assert ordinary["loai_don_thuoc"] == "c"
    assert ordinary["ma_don_thuoc"].startswith("vd992")
    assert ordinary["gioi_tinh"] == 2, "the system counts a man as 2"
    assert ordinary["ma_so_the_bao_hiem_y_te"] == ""
    assert ordinary["chan_doan"][0]["ma_chan_doan"] == "I10"
    assert ordinary["ngay_gio_ke_don"] == "2026-10-06 09:05:00"
    (line,) = ordinary["thong_tin_don_thuoc"]
    assert (line["ma_thuoc"], line["biet_duoc"], line["so_luong"]) == (PARACETAMOL, "Paracetamol 500mg", "14")
    assert line["cach_dung"].startswith("Uống: ")
    assert "dot_dung_thuoc" not in ordinary
    assert controlled["dot_dung_thuoc"] == {
        "dot": 1,
        "tu_ngay": "06/10/2026",
        "den_ngay": "12/10/2026",
        "so_thang_thuoc": 0,
    }
    assert stand_in.problems(ordinary) == stand_in.problems(controlled) == []


def test_no_answer_waits_longer_each_time(place: Place, lan: Prescription, system: StandIn, link) -> None:
    system.fail_next("unavailable", "unavailable")
    assert "Không kết nối" in send(place).problem
    row = PrescriptionSending.objects.get()
    assert (row.state, row.next_attempt_at) == ("waiting", at(10, 2))
    assert send(place, 10, 1).problem == "", "not yet its turn"
    send(place, 10, 2)
    row.refresh_from_db()
    assert (row.attempts, row.next_attempt_at) == (2, at(10, 6))
    assert send(place, 10, 3, is_forced=True).sent == 1, "a person need not wait"
    assert [wait_after(n) for n in (1, 5, 6, 50)] == [
        timedelta(minutes=2), timedelta(minutes=32), timedelta(hours=1), timedelta(hours=1)
    ]  # fmt: skip


def test_the_first_silence_ends_the_batch(world: World, place: Place, lan: Prescription, system: StandIn) -> None:
    hung(world, place)
    system.fail_next("unavailable")
    outcome = send(place)
    assert (outcome.sent, outcome.left) == (0, 2)
    assert PrescriptionSending.objects.count() == 1
    assert send(place, 11).sent == 2


def test_a_lost_answer_counts_when_the_system_has_what_was_sent(place: Place, lan, system: StandIn) -> None:
    system.fail_next("lost_answer")
    assert "không trả lời" in send(place).problem
    Patient.objects.filter(pk=lan.visit.patient_id).update(address="Thôn khác")
    assert send(place, 11).sent == 1
    row = PrescriptionSending.objects.get()
    assert list(system.taken().values()) == [row.body], "what was taken then, not what would be sent now"
    assert len(row.checksum) == 64


def test_a_later_attempt_that_never_arrived_hides_no_earlier_one(place: Place, lan, system, monkeypatch) -> None:
    system.fail_next("lost_answer")
    send(place)
    (taken,) = system.taken().values()
    Patient.objects.filter(pk=lan.visit.patient_id).update(address="Thôn khác")
    really = StandIn.send

    def fails(error):
        def act(*_args, **_kwargs):
            raise error

        monkeypatch.setattr(StandIn, "send", act)

    for hour, error in (11, KeyboardInterrupt()), (12, AnswerLost("")), (13, SystemUnavailable("")):
        fails(error)
        with suppress(KeyboardInterrupt):
            send(place, hour)
    row = PrescriptionSending.objects.get()
    assert [one["attempts"] for one in row.unanswered] == [[1], [2, 3]], "of the fourth it is certain"
    fails(PrescriptionRejected("Sai"))
    assert send(place, 15).rejected == 1
    monkeypatch.setattr(StandIn, "send", really)
    assert send(place, 16, is_forced=True).sent == 1
    row.refresh_from_db()
    assert (row.body, row.unanswered) == (taken, [])


def test_a_desk_that_is_overtaken_by_another_knows_what_that_one_left(place, lan, system, monkeypatch) -> None:
    really = StandIn.send

    def overtaken(*args, **kwargs):
        """Before the timer's request arrives, the button sends the paper and loses the answer."""
        monkeypatch.setattr(StandIn, "send", really)
        system.fail_next("lost_answer")
        assert send(place, 10, is_forced=True).sent == 0
        return really(*args, **kwargs)

    monkeypatch.setattr(StandIn, "send", overtaken)
    assert send(place).sent == 1
    assert PrescriptionSending.objects.get().attempts == 2


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_paper_that_waited_before_attempts_were_noted(place, lan, system, is_changed) -> None:
    sheet = sheet_of(lan)
    system.send(sent_of(sheet), at=at(9))
    PrescriptionSending.objects.create(
        facility=place.facility, sheet=sheet, attempts=1, last_error="Không trả lời", next_attempt_at=at(9)
    )
    if is_changed:
        Patient.objects.filter(pk=lan.visit.patient_id).update(address="Thôn khác")
    outcome = send(place)
    assert (outcome.sent, outcome.rejected) == ((0, 1) if is_changed else (1, 0))


def test_a_process_that_dies_while_it_sends_has_noted_its_attempt(place: Place, lan, system, monkeypatch) -> None:
    really = StandIn.send

    def dies(*args, **kwargs):
        really(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(StandIn, "send", dies)
    with pytest.raises(KeyboardInterrupt):
        send(place)
    row = PrescriptionSending.objects.get()
    assert (row.state, row.attempts, row.next_attempt_at) == ("waiting", 1, at(10, 2))
    monkeypatch.setattr(StandIn, "send", really)
    assert send(place, 11).sent == 1


@pytest.mark.parametrize("lost", [SystemUnavailable, AnswerLost])
def test_a_foreign_prescription_under_the_code_never_counts_as_sent(place, lan, system, monkeypatch, lost) -> None:
    really = StandIn.send

    def fails(*_args, **_kwargs):
        raise lost("Không trả lời")

    monkeypatch.setattr(StandIn, "send", fails)
    send(place)
    monkeypatch.setattr(StandIn, "send", really)
    system.send(replace(sent_of(sheet_of(lan)), patient_name="Người Khác"), at=at(9))
    for hour in (11, 12):
        outcome = send(place, hour, is_forced=True)
        assert (outcome.sent, outcome.rejected) == (0, 1)


def test_an_answer_without_a_checksum_is_none(place: Place, lan: Prescription, system: StandIn, monkeypatch) -> None:
    monkeypatch.setattr(StandIn, "send", lambda *_args, **_kwargs: Receipt(""))
    assert "không có mã kiểm tra" in send(place).problem
    assert PrescriptionSending.objects.get().state == "waiting"


def test_a_code_that_somebody_else_used_is_refused_and_stays_so(place: Place, lan, system: StandIn) -> None:
    system.send(sent_of(sheet_of(lan)), at=at(9))
    for hour in (10, 11):
        outcome = send(place, hour, is_forced=True)
        assert (outcome.sent, outcome.rejected) == (0, 1)
    row = PrescriptionSending.objects.get()
    assert (row.state, row.last_error) == ("rejected", "Đơn thuốc đã được sử dụng trước đó")


def test_a_refusal_waits_for_a_person(place: Place, lan: Prescription, system: StandIn) -> None:
    patient = lan.visit.patient
    patient.address, known = "", patient.address
    patient.save(update_fields=["address"])
    assert send(place).rejected == 1
    assert PrescriptionSending.objects.get().last_error == "Nơi cư trú của người bệnh (dia_chi): không được để trống"
    assert send(place, 12).rejected == 0, "the timer does not try again"
    patient.address = known or "Thôn Thí Dụ"
    patient.save(update_fields=["address"])
    assert send(place, 13, is_forced=True).sent == 1


def test_a_replaced_prescription_is_not_sent_any_more(world: World, place: Place, lan, system: StandIn, link) -> None:
    lines = [LineInput(drug=world.drug(place, AMLODIPIN), morning=Decimal(1), days=7)]
    new = replace_prescription(
        prescription=lan, lines=lines, reason="Đổi thuốc", actor=place.actor("doctor"), at=at(10)
    )
    assert [sheet.prescription_id for sheet in queue.waiting(link)] == [new.pk]
    assert send(place, 11).sent == 1
    assert list(system.taken()) == [new.sheets.get().code.lower()]


def test_only_from_the_day_of_the_link_and_only_here(world: World, place: Place, lan: Prescription) -> None:
    administrator = place.actor("admin")
    link = link_national(system="stand_in", since=DAY + timedelta(days=1), actor=administrator)
    assert not queue.waiting(link).exists()
    link = link_national(system="stand_in", since=DAY, actor=administrator)
    assert queue.waiting(link).count() == 1
    with pytest.raises(Refusal, match="chưa khai báo"):
        send_waiting(actor=world.station.actor("doctor"), at=at(10))
    with pytest.raises(NotFound):
        queue.paper(world.station.facility, lan.sheets.get().pk)
    with pytest.raises(PermissionRefused):
        send_waiting(actor=place.actor("cashier"), at=at(10))
    with pytest.raises(Refusal, match="chưa có mã liên thông"):
        link_national(system="stand_in", since=date(2026, 1, 1), actor=world.station.actor("admin"))


def test_what_was_sent_is_never_changed(place: Place, lan: Prescription, system: StandIn) -> None:
    send(place)
    rows = PrescriptionSending.objects.all()
    for change in (lambda: rows.update(body={}), lambda: rows.update(state="waiting"), lambda: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_the_command_for_a_timer(place: Place, lan: Prescription, system: StandIn, capsys, time_machine) -> None:
    time_machine.move_to(at(10), tick=False)
    system.fail_next("unavailable")
    with pytest.raises(CommandError, match="Không kết nối"):
        call_command("send_prescriptions", facility=place.facility.code)
    time_machine.move_to(at(11), tick=False)
    call_command("send_prescriptions", facility=place.facility.code)
    assert "gửi 1, bị từ chối 0, còn chờ 0" in capsys.readouterr().out


@pytest.fixture
def doctor(place: Place, time_machine) -> Iterator[Client]:
    time_machine.move_to(at(10), tick=False)
    return signed_in(place, "doctor")


def test_the_desk_says_what_failed_and_why(doctor: Client, place: Place, lan: Prescription, system: StandIn) -> None:
    page = reverse("national")
    assert "tới lượt gửi <b>1</b>" in doctor.get(page).content.decode()
    assert "Chờ gửi" in doctor.get(page).content.decode()
    system.fail_next("unavailable")
    answer = doctor.post(reverse("national-send"), follow=True).content.decode()
    assert "Không kết nối được hệ thống" in answer
    assert "thử lại 06/10/2026 10:02" in answer
    one = reverse("national-send-one", args=[lan.sheets.get().pk])
    assert signed_in(place, "cashier").post(one).status_code == 403
    assert "đã gửi" in doctor.post(one, follow=True).content.decode()
    assert "Đã gửi" in doctor.get(page, {"day": "06/10/2026"}).content.decode()
    assert doctor.post(one).status_code == 409, "a second press sends nothing"
    assert PrescriptionSending.objects.get().attempts == 2


def test_one_paper_is_sent_only_from_the_day_of_the_link_on(doctor: Client, place: Place, lan, system) -> None:
    link_national(system="stand_in", since=DAY + timedelta(days=1), actor=place.actor("admin"))
    answer = doctor.post(reverse("national-send-one", args=[lan.sheets.get().pk]))
    assert answer.status_code == 409
    assert "ký trước ngày liên thông" in answer.content.decode()
    assert not system.taken()


def test_counts_are_of_all_and_not_of_the_rows_shown(world, doctor, place, lan, system, monkeypatch) -> None:
    hung(world, place)
    Patient.objects.update(address="")
    send(place)
    monkeypatch.setattr("patients.views.national._ROWS", 1)
    page = doctor.get(reverse("national")).content.decode()
    assert "bị từ chối <b>2</b>" in page
    assert "1 đơn cũ nhất trong 2" in page


def test_the_administrator_links_the_facility(place: Place, lan: Prescription, doctor: Client) -> None:
    assert "Chưa khai báo liên thông" in doctor.get(reverse("national")).content.decode()
    link = reverse("national-link")
    assert doctor.post(link, {"system": "stand_in", "since": "06/10/2026"}).status_code == 403
    administrator = signed_in(place, "admin")
    assert administrator.post(link, {"system": "stand_in", "since": "hôm qua"}).status_code == 422
    assert administrator.post(link, {"system": "stand_in", "since": "06102026"}).status_code == 302
    assert NationalLink.objects.get().since == DAY
