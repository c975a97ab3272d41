"""Signing freezes; what comes later is an amendment."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import InternalError, connection, transaction

from his.audit.models import AuditEntry
from his.core.errors import NotFound, Refusal
from patients.models import Counter, Exam, QueueTicket, Visit
from patients.queries_clinical import current_exam
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.orders import ResultInput, cancel_order, order_service, record_result
from patients.services.outcomes import Transfer
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import amend_exam, sign_exam, write_note
from patients.services.visits import (
    call_next,
    cancel_visit,
    end_waiting,
    open_visit,
    record_vitals,
    send_on,
)
from patients.snapshot import canonical, fingerprint
from tests.cast import World, anh_hung, at, lan_visit, weigh
from tests.scenes import scene

SUGAR = "23.0075.1494"


def slip(**changed: str) -> Transfer:
    """What the doctor writes on a transfer slip."""
    written = {
        "transfer_facility_code": "99002",
        "transfer_condition": "Tỉnh, mạch 90 lần/phút",
        "transfer_plan": "Can thiệp mạch vành",
        "transport": "Xe cứu thương",
    }
    return Transfer(**{**written, **changed})


@scene
def exam(world: World) -> Exam:
    return ready(world)


def ready(world: World) -> Exam:
    """Bà Lan's exam with all that signing asks for."""
    doctor, visit = world.station.actor("doctor"), lan_visit(world.station)
    record_vitals(visit=visit, actor=doctor, at=at(8, 5), systolic=150, diastolic=90, weight_kg=Decimal("52.5"))
    exam = start_exam(visit=visit, actor=doctor, at=at(8, 10))
    save_exam(exam=exam, actor=doctor, at=at(8, 15), findings="Tim đều, <phổi> 'trong'")
    set_diagnoses(exam=exam, main="I10", others=["E11.9"], actor=doctor, at=at(8, 20))
    order = order_service(exam=exam, service=world.service(world.station, SUGAR), actor=doctor, at=at(8, 21))
    technician = world.station.actor("technician")
    record_result(order=order, actor=technician, at=at(8, 40), results=[ResultInput("WBC", value="12,5")])
    amlodipine = LineInput(world.drug(world.station, "TH0002"), morning=Decimal(1), days=28)
    prescribe(exam=exam, lines=[amlodipine], actor=doctor, at=at(8, 50))
    return exam


def sign(world: World, exam: Exam, hour: int = 9, **more) -> Exam:
    return sign_exam(exam=exam, actor=world.station.actor("doctor"), at=at(hour), **more)


def refused(call, **arguments) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(**arguments)
    return caught.value


def test_signing_freezes_exam_prescription_and_visit(world, exam):
    signed = sign(world, exam, outcome="follow_up", follow_up_on=date(2026, 11, 3), advice="Ăn nhạt")
    visit = Visit.objects.get(pk=exam.visit_id)
    assert (visit.state, visit.ended_at) == (Visit.State.EXAMINED, at(9))
    assert visit.tickets.get().state == QueueTicket.State.DONE
    assert signed.prescription.signed_at == at(9)
    snapshot = signed.snapshot
    assert snapshot["exam"]["findings"] == "Tim đều, <phổi> 'trong'"
    assert [d["code"] for d in snapshot["diagnoses"]] == ["I10", "E11.9"]
    assert snapshot["orders"][0]["results"][0]["value"] == "12,5"
    assert snapshot["prescription"]["lines"][0]["quantity"] == "28"
    assert snapshot["vital_signs"]["weight_kg"] == "52.5"


def test_the_audit_of_an_exam_tells_how_many_diagnoses_and_drugs_not_which(world, exam):
    sign(world, exam)
    entries = dict(AuditEntry.objects.values_list("action", "facts"))
    assert entries["patients.set_diagnoses"]["diagnoses"] == 2
    assert entries["patients.prescribe"]["lines"] == 1
    assert entries["patients.sign_exam"]["outcome"] == "home"
    for code in ("I10", "E11.9", "TH0002"):
        assert not any(code in str(facts) for facts in entries.values()), code


def test_the_stored_snapshot_gives_the_stored_fingerprint(world, exam):
    sign(world, exam)
    stored = Exam.objects.get(pk=exam.pk)
    assert fingerprint(stored.snapshot) == stored.snapshot_sha256
    changed = {**stored.snapshot, "claim_code": "other"}
    assert canonical(changed) != canonical(stored.snapshot)
    assert fingerprint(changed) != stored.snapshot_sha256


def test_nothing_of_a_signed_exam_changes(world, exam):
    sign(world, exam)
    doctor = world.station.actor("doctor")
    drug = LineInput(world.drug(world.station, "TH0001"), morning=Decimal(1))
    order = exam.orders.get()
    assert refused(sign, world=world, exam=exam).code == "already_signed"
    assert refused(save_exam, exam=exam, actor=doctor, at=at(10), reason="x").code == "already_signed"
    assert refused(set_diagnoses, exam=exam, main="I10", actor=doctor, at=at(10)).code == "already_signed"
    assert refused(prescribe, exam=exam, lines=[drug], actor=doctor, at=at(10)).code == "already_signed"
    assert refused(cancel_order, order=order, reason="x", actor=doctor, at=at(10)).code == "already_signed"
    assert refused(start_exam, visit=exam.visit, actor=doctor, at=at(10)).code == "already_examined"
    service = world.service(world.station, SUGAR)
    assert refused(order_service, exam=exam, service=service, actor=doctor, at=at(10)).code == "already_signed"
    late = [ResultInput("WBC", value="1")]
    technician = world.station.actor("technician")
    assert refused(record_result, order=order, actor=technician, at=at(10), results=late).code == "already_signed"
    with pytest.raises(InternalError, match="signed_is_frozen"), transaction.atomic():
        Exam.objects.filter(pk=exam.pk).update(findings="khác")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"outcome": "follow_up"}, "follow_up_on"),
        ({"outcome": "follow_up", "follow_up_on": date(2026, 10, 6)}, "follow_up_on"),
        ({"outcome": "follow_up", "follow_up_on": date(2036, 10, 6)}, "follow_up_on"),
        ({"outcome": "transfer"}, "transfer_facility_code"),
        ({"outcome": "transfer", "transfer": slip(transfer_facility_code="99001")}, "transfer_facility_code"),
        ({"outcome": "transfer", "transfer": slip(transfer_reason_code="3")}, "transfer_reason_code"),
        ({"outcome": "transfer_request", "transfer": slip(transfer_condition=" ")}, "transfer_condition"),
        ({"outcome": "transfer", "transfer": slip(transfer_plan="")}, "transfer_plan"),
        ({"outcome": "transfer", "transfer": slip(transport="")}, "transport"),
        ({"outcome": "transfer", "transfer": slip(escort_name="x" * 256)}, "escort_name"),
        ({"outcome": "<b>"}, "outcome"),
        ({"treatment_result_code": "9"}, "treatment_result_code"),
        ({"advice": "x" * 2001}, "advice"),
    ],
)
def test_an_outcome_without_its_details_is_refused(world, exam, arguments, field):
    assert refused(sign, world=world, exam=exam, **arguments).field == field
    exam.refresh_from_db()
    assert not exam.is_signed
    assert exam.outcome == ""


def test_details_of_another_outcome_are_dropped(world, exam):
    save_exam(exam=exam, history="Đau ngực 2 giờ", actor=world.station.actor("doctor"), at=at(9))
    signed = sign(world, exam, outcome="transfer", transfer=slip(), follow_up_on=date(2026, 11, 3))
    assert (signed.transfer_facility_code, signed.transport) == ("99002", "Xe cứu thương")
    assert (signed.follow_up_on, signed.follow_up_number) == (None, "")


def test_a_transfer_needs_the_signs_and_the_course(world, exam):
    doctor = world.station.actor("doctor")
    for field, texts in (("history", {"history": "", "findings": "Tim đều"}), ("findings", {"findings": ""})):
        save_exam(exam=exam, actor=doctor, at=at(9), **{"history": "Đau ngực", **texts})
        assert refused(sign, world=world, exam=exam, outcome="transfer", transfer=slip()).field == field


def test_slips_are_numbered_without_gaps_and_signed(world, exam):
    save_exam(exam=exam, history="Đau ngực 2 giờ", actor=world.station.actor("doctor"), at=at(9))
    wrong = slip(transfer_facility_code="x")
    assert refused(sign, world=world, exam=exam, outcome="transfer_request", transfer=wrong).code == "transfer_facility"
    wish = sign(world, exam, outcome="transfer_request", transfer=slip(escort_name="Điều dưỡng Mẫu"))
    assert (wish.transfer_number, wish.transfer_reason_code) == ("99001.GC26.000001", "3")
    signed = wish.snapshot["exam"]
    assert (signed["transfer_number"], signed["escort_name"]) == ("99001.GC26.000001", "Điều dưỡng Mẫu")
    assert Counter.objects.get(facility=world.station.facility, series="transfer:2026").last == 1


def test_a_follow_up_slip_has_its_own_series(world, exam):
    signed = sign(world, exam, outcome="follow_up", follow_up_on=date(2026, 11, 3))
    assert (signed.follow_up_number, signed.transfer_number) == ("99001.HK26.000001", "")
    assert signed.snapshot["exam"]["follow_up_number"] == "99001.HK26.000001"


def test_unfinished_exams_are_not_signed(world, exam):
    doctor = world.station.actor("doctor")
    assert refused(sign, world=world, exam=exam, hour=8).code == "before_exam"
    early = refused(sign_exam, exam=exam, actor=doctor, at=at(8, 30))
    assert (early.code, early.field) == ("before_result", "signed_at")
    assert refused(sign_exam, exam=exam, actor=doctor, at=at(8, 45)).code == "before_prescription"
    set_diagnoses(exam=exam, main="", others=["I10"], actor=doctor, at=at(8, 55))
    assert refused(sign, world=world, exam=exam).field == "main"
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(8, 55))
    blood = world.service(world.station, "22.0121.1369")
    waiting = order_service(exam=exam, service=blood, actor=doctor, at=at(8, 56))
    pending = refused(sign, world=world, exam=exam)
    assert pending.code == "results_pending"
    assert blood.name in pending.message_vi
    cancel_order(order=waiting, reason="Không làm", actor=doctor, at=at(8, 57))
    assert sign(world, exam).is_signed


def test_another_facility_does_not_find_the_exam(world, exam):
    with pytest.raises(NotFound):
        sign_exam(exam=exam, actor=world.hospital.actor("doctor"), at=at(9))


def test_a_signed_exam_is_amended_with_a_reason(world, exam):
    doctor = world.station.actor("doctor")
    assert refused(amend_exam, exam=exam, text="x", reason="y", actor=doctor, at=at(10)).code == "not_signed"
    sign(world, exam)
    exam.refresh_from_db()
    assert refused(amend_exam, exam=exam, text=" ", reason="y", actor=doctor, at=at(10)).field == "text"
    assert refused(amend_exam, exam=exam, text="x", reason="", actor=doctor, at=at(10)).field == "reason"
    added = amend_exam(exam=exam, text="Tiền sử: mổ ruột thừa", reason="Bổ sung", actor=doctor, at=at(10))
    assert list(exam.amendments.all()) == [added]


def test_notes_on_the_course(world, exam):
    doctor = world.station.actor("doctor")
    note = write_note(visit=exam.visit, text="Tỉnh, <đỡ> đau", stage="Ổn định", actor=doctor, at=at(8, 30))
    assert (note.text, note.written_by) == ("Tỉnh, <đỡ> đau", world.station.staff["doctor"])
    assert refused(write_note, visit=exam.visit, text=" ", actor=doctor, at=at(9)).field == "text"
    assert refused(write_note, visit=exam.visit, text="x", actor=doctor, at=at(7)).code == "before_arrival"


def test_an_insured_visit_is_not_signed_without_what_its_claim_must_say(world):
    place, visit = world.station, lan_visit(world.station)
    doctor = place.actor("doctor")
    exam = start_exam(visit=visit, actor=doctor, at=at(8, 10))
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(8, 20))
    record_vitals(visit=visit, pulse=80, actor=doctor, at=at(8, 30))
    light = refused(sign, world=world, exam=exam)
    assert (light.code, light.field) == ("weight_missing", "weight_kg")
    weigh(visit, place)
    Visit.objects.filter(pk=visit.pk).update(reason="")
    save_exam(exam=exam, reason="", actor=doctor, at=at(8, 40))
    mute = refused(sign, world=world, exam=exam)
    assert (mute.code, mute.field) == ("reason_missing", "reason")
    save_exam(exam=exam, reason="Đau đầu", actor=doctor, at=at(8, 45))
    assert sign(world, exam).is_signed


def test_a_self_payer_may_be_signed_without_reason_and_weight(world):
    place, doctor = world.station, world.station.actor("doctor")
    hung = anh_hung(place)
    visit = open_visit(patient=hung, room=place.rooms["PK1"], actor=place.actor("reception"), at=at(8))
    exam = start_exam(visit=visit, actor=doctor, at=at(8, 10))
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(8, 20))
    assert sign(world, exam).is_signed


@scene
def sent_on(world: World) -> Exam:
    """Bà Lan's exam at the hospital, signed, with her sent on from PK1 to PK5."""
    place = world.hospital
    visit, doctor = lan_visit(place), place.actor("doctor")
    weigh(visit, place)
    exam = start_exam(visit=visit, actor=doctor, at=at(8, 10))
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(8, 20))
    return sign_exam(exam=exam, send_on_to=place.rooms["PK5"], actor=doctor, at=at(9))


def test_sending_on_opens_the_visit_for_the_other_room(world, sent_on):
    place, visit = world.hospital, Visit.objects.get(pk=sent_on.visit_id)
    assert (visit.state, visit.room, visit.ended_at) == (Visit.State.OPEN, place.rooms["PK5"], None)
    first, second = visit.tickets.order_by("pk")
    assert (first.state, second.state, second.room) == ("done", "waiting", place.rooms["PK5"])
    assert (sent_on.outcome, sent_on.snapshot["exam"]["sent_on_to"]) == ("", place.rooms["PK5"].name)
    assert current_exam(visit) is None
    assert refused(cancel_visit, visit=visit, reason="x", actor=place.actor("reception"), at=at(9)).code == "exam_begun"
    called = call_next(room=place.rooms["PK5"], actor=place.actor("doctor5"), at=at(9, 5))
    again = start_exam(visit=visit, room=called.room, actor=place.actor("doctor5"), at=at(9, 5))
    set_diagnoses(exam=again, main="E11.9", actor=place.actor("doctor5"), at=at(9, 10))
    sign_exam(exam=again, actor=place.actor("doctor5"), at=at(9, 15))
    visit.refresh_from_db()
    assert (visit.state, visit.ended_at) == (Visit.State.EXAMINED, at(9, 15))
    assert not visit.tickets.exclude(state="done").exists()


def test_a_person_is_sent_only_where_it_makes_sense(world, sent_on):
    place, doctor = world.hospital, world.hospital.actor("doctor")
    visit = Visit.objects.get(pk=sent_on.visit_id)
    for room, code in (("PK5", "been_there"), ("PK1", "been_there"), ("XN", "not_exam_room")):
        refusal = refused(send_on, visit=visit, room=place.rooms[room], actor=doctor, at=at(9, 1))
        assert (refusal.code, refusal.field) == (code, "send_on_to")
    start_exam(visit=visit, actor=place.actor("doctor5"), at=at(9, 5))
    assert refused(send_on, visit=visit, room=place.rooms["PK2"], actor=doctor, at=at(9, 6)).code == "not_signed"
    assert refused(end_waiting, visit=visit, actor=doctor, at=at(9, 6)).code == "not_sent_on"


def test_who_does_not_go_to_the_other_room_is_ended(world, sent_on):
    doctor, visit = world.hospital.actor("doctor"), Visit.objects.get(pk=sent_on.visit_id)
    ended = end_waiting(visit=visit, actor=doctor, at=at(10))
    assert (ended.state, ended.ended_at, ended.room_id) == (Visit.State.EXAMINED, at(9), sent_on.room_id)
    assert not ended.tickets.exclude(state="done").exists()
    assert refused(end_waiting, visit=visit, actor=doctor, at=at(10)).code == "not_sent_on"


@pytest.mark.django_db(transaction=True)
def test_two_desks_signing_at_once_sign_once(world):
    exam = ready(world)
    actor = world.station.actor("doctor")
    gate, answers = threading.Barrier(2), []

    def desk() -> None:
        gate.wait()
        try:
            sign_exam(exam=Exam.objects.get(pk=exam.pk), actor=actor, at=at(9))
            answers.append("signed")
        except Refusal as refusal:
            answers.append(refusal.code)
        finally:
            connection.close()

    desks = [threading.Thread(target=desk) for _ in range(2)]
    for thread in desks:
        thread.start()
    for thread in desks:
        thread.join()
    assert sorted(answers) == ["already_signed", "signed"]
