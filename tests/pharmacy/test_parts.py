"""Prescriptions in parts: what is not given has its reason, the rest waits or is closed, and the sum never exceeds."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from his.core.errors import Refusal
from patients.models import PrescriptionRefusal
from patients.queries_clinical import sent_back
from pharmacy.handout import LineChoice
from pharmacy.models import DispenseLine, NotGiven
from pharmacy.queries import balance_differences, waiting_prescriptions
from pharmacy.queries_given import net_given, parts_of
from pharmacy.queries_window import called_now, short_name, substitutes
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.window import (
    call_again,
    call_next,
    counsel,
    leave_out,
    reopen_left_out,
    send_back,
    set_absent,
    withdraw_refusal,
)
from tests.cast import DAY, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene


@scene
def place(world):
    return world.station


@scene
def store(world, place):
    made = shelf.dispensary(place)
    shelf.receive(
        place, made, shelf.goods(world, place, quantity=12), shelf.goods(world, place, code=AMLODIPIN, lot="A1")
    )
    return made


@scene
def lan(world, place, store):
    return shelf.lan_prescription(world, place, (PARACETAMOL, 20), (AMLODIPIN, 10))


def give(place, prescription, store, *choices, when=None, **more):
    return dispense(
        prescription=prescription,
        store=store,
        choices=choices,
        actor=place.actor("pharmacist"),
        at=when or at(10),
        **more,
    )


def refused(*args, **kwargs) -> Refusal:
    with pytest.raises(Refusal) as caught:
        give(*args, **kwargs)
    return caught.value


def choice(prescription, code, quantity, **how) -> LineChoice:
    return LineChoice(prescription.lines.get(drug__code=code).pk, Decimal(quantity), **how)


def opened(prescription) -> dict[str, Decimal]:
    return {part.line.drug.code: part.open for part in parts_of(prescription)}


def test_what_is_short_is_collected_later_and_the_sum_is_what_was_prescribed(world, place, store, lan):
    short = choice(lan, PARACETAMOL, 12, reason="out_of_stock", is_final=False)
    first = give(place, lan, store, short)

    assert opened(lan) == {PARACETAMOL: 8, AMLODIPIN: 0}
    assert list(waiting_prescriptions(place.facility, DAY)) == [lan]
    row = NotGiven.objects.get(dispense=first)
    assert (row.quantity, row.reason, row.is_final) == (8, "out_of_stock", False)
    shelf.receive(place, store, shelf.goods(world, place, lot="L2", quantity=50))
    give(place, lan, store, when=at(9, day=DAY + timedelta(days=2)))
    assert opened(lan) == {PARACETAMOL: 0, AMLODIPIN: 0}
    assert shelf.on_hand(store) == {"L1": 0, "A1": 90, "L2": 42}
    assert refused(place, lan, store, when=at(9, day=DAY + timedelta(days=2))).code == "already_dispensed"
    assert balance_differences(place.facility) == []


def test_less_than_prescribed_needs_a_reason_and_words_for_another_one(place, store, lan):
    line = lan.lines.get(drug__code=PARACETAMOL)
    for how, code, field in (
        ({}, "no_reason", "reason"),
        ({"reason": "nonsense"}, "no_reason", "reason"),
        ({"reason": "other"}, "no_note", "note"),
    ):
        found = refused(place, lan, store, choice(lan, PARACETAMOL, 5, **how))
        assert (found.code, found.field) == (code, f"line-{line.pk}-{field}")
    for quantity in ("20.0001", "21", "-1", "NaN"):
        assert refused(place, lan, store, choice(lan, PARACETAMOL, quantity)).field == f"line-{line.pk}-quantity"
    nothing = [choice(lan, code, 0, reason="declined") for code in (PARACETAMOL, AMLODIPIN)]
    assert refused(place, lan, store, *nothing).code == "nothing_given"
    assert refused(place, lan, store, LineChoice(line.pk + 999, Decimal(1))).code == "other_lines"
    assert shelf.on_hand(store) == {"L1": 12, "A1": 100}


def test_the_rest_is_left_out_for_good_and_can_wait_again(place, store, lan):
    give(place, lan, store, choice(lan, PARACETAMOL, 0, reason="has_it", is_final=False))
    actor = place.actor("pharmacist")
    with pytest.raises(Refusal) as unexplained:
        leave_out(prescription=lan, reason="", actor=actor, at=at(11))
    assert unexplained.value.field == "reason"
    row = leave_out(prescription=lan, reason="declined", actor=actor, at=at(11))
    assert opened(lan) == {PARACETAMOL: 0, AMLODIPIN: 0}
    assert list(waiting_prescriptions(place.facility, DAY)) == []
    assert refused(place, lan, store, when=at(12)).code == "already_dispensed"
    reopen_left_out(not_given=row, actor=actor, at=at(12))
    assert opened(lan) == {PARACETAMOL: 20, AMLODIPIN: 0}


def test_undoing_a_part_makes_its_decisions_undecided(place, store, lan):
    done = give(place, lan, store, choice(lan, PARACETAMOL, 12, reason="declined"))
    assert opened(lan)[PARACETAMOL] == 0
    reverse_dispense(dispense=done, reason="Nhầm", actor=place.actor("pharmacist"), at=at(11))
    assert opened(lan) == {PARACETAMOL: 20, AMLODIPIN: 10}
    assert not NotGiven.objects.filter(withdrawn_at__isnull=True).exists()


def test_the_database_itself_refuses_more_than_was_prescribed(place, store, lan):
    done = give(place, lan, store, choice(lan, PARACETAMOL, 12, reason="out_of_stock"))
    row = done.lines.get(lot__number="L1")
    row.pk, row.quantity = None, Decimal("8.001")
    with pytest.raises(IntegrityError, match="more is given"), transaction.atomic():
        row.save(force_insert=True)
    row.quantity = Decimal(8)
    row.save(force_insert=True)
    assert DispenseLine.objects.filter(prescription_line=row.prescription_line).count() == 2


def test_another_product_of_the_same_kind_is_given_with_consent(world, place, store, lan):
    other = shelf.other_brand(world, place)
    shelf.other_brand(world, place, strength="250mg", code="TH0009")
    shelf.receive(place, store, shelf.goods(world, place, code=other.code, lot="B1", quantity=30, unit_cost=200))
    line = lan.lines.get(drug__code=PARACETAMOL)
    (offered,) = substitutes(line, store, DAY)
    assert (offered.drug, offered.left, offered.price_change) == (other, 30, 40)
    assert offered.patient_change is not None
    swap = {"drug_code": other.code, "agreed_by": ""}
    assert refused(place, lan, store, choice(lan, PARACETAMOL, 20, **swap)).code == "not_agreed"
    wrong = {"drug_code": "TH0009", "agreed_by": "Lan"}
    assert refused(place, lan, store, choice(lan, PARACETAMOL, 20, **wrong)).code == "not_same"
    swap["agreed_by"] = "Nguyễn Thị Lan"
    give(place, lan, store, choice(lan, PARACETAMOL, 20, **swap))
    assert shelf.on_hand(store) == {"L1": 12, "A1": 90, "B1": 10}
    (substitution,) = line.substitutions.all()
    assert (substitution.drug, substitution.agreed_by) == (other, "Nguyễn Thị Lan")
    assert net_given(lan.visit)[line.pk, substitution.pk] == 20
    line.refresh_from_db()
    assert line.drug.code == PARACETAMOL


def test_a_lot_is_chosen_with_a_reason_and_never_an_expired_or_blocked_one(world, place, store, lan):
    shelf.receive(place, store, shelf.goods(world, place, lot="MUỘN", quantity=15, expires_on=date(2029, 1, 1)))
    late = shelf.lot("MUỘN")
    field = f"line-{lan.lines.get(drug__code=PARACETAMOL).pk}"
    found = refused(place, lan, store, choice(lan, PARACETAMOL, 14, lot_id=late.pk, reason="declined"))
    assert (found.code, found.field) == ("no_lot_reason", f"{field}-lot_reason")
    strange = choice(lan, PARACETAMOL, 14, lot_id=shelf.lot("A1").pk, lot_reason="x", reason="declined")
    assert refused(place, lan, store, strange).code == "lot_not_usable"
    done = give(place, lan, store, choice(lan, PARACETAMOL, 20, lot_id=late.pk, lot_reason="Hộp nguyên"))
    taken = done.lines.filter(prescription_line__drug__code=PARACETAMOL).order_by("pk")
    assert [(row.lot.number, row.quantity, row.lot_reason) for row in taken] == [
        ("MUỘN", 15, "Hộp nguyên"),
        ("L1", 5, ""),
    ]


def test_drugs_under_special_control_need_a_second_person_and_a_recipient(world, place, store, lan):
    drug = world.drug(place, AMLODIPIN)
    drug.control_class = "psychotropic"
    drug.save()
    short = choice(lan, PARACETAMOL, 12, reason="declined")
    taken = {"recipient_name": "Nguyễn Thị Lan", "recipient_id_number": "099154000123"}
    doctor, own, clerk = (place.users[key] for key in ("doctor", "pharmacist", "reception"))
    for more, code in (
        (taken, "witness_needed"),
        ({**taken, "witness": own}, "own_witness"),
        ({**taken, "witness": clerk}, "not_witness"),
        ({"witness": doctor}, "no_recipient"),
        ({"witness": doctor, "recipient_name": "Lan"}, "no_recipient"),
    ):
        assert refused(place, lan, store, short, **more).code == code
    done = give(place, lan, store, short, witness=doctor, **taken)
    assert (done.witnessed_by, done.recipient_id_number) == (doctor, "099154000123")


def test_a_prescription_lapses_after_five_days(place, store, lan):
    short = choice(lan, PARACETAMOL, 12, reason="declined")
    found = refused(place, lan, store, short, when=at(0, 1, day=DAY + timedelta(days=6)))
    assert (found.code, found.facts["last"]) == ("lapsed", DAY + timedelta(days=5))
    give(place, lan, store, short, when=at(23, 59, day=DAY + timedelta(days=5)))


def test_a_prescription_goes_back_to_the_doctor_and_comes_again(place, store, lan):
    actor, room = place.actor("pharmacist"), place.rooms["PK1"]
    for wrong, field in (({"reason": "x", "note": "y"}, "reason"), ({"reason": "dose", "note": " "}, "note")):
        with pytest.raises(Refusal) as caught:
            send_back(prescription=lan, actor=actor, at=at(10), **wrong)
        assert caught.value.field == field
    refusal = send_back(prescription=lan, reason="dose", note="Liều 20 viên/7 ngày?", actor=actor, at=at(10))
    assert sent_back(room, DAY) == [refusal]
    assert list(waiting_prescriptions(place.facility, DAY)) == []
    short = choice(lan, PARACETAMOL, 12, reason="declined")
    assert refused(place, lan, store, short).code == "sent_back"
    with pytest.raises(Refusal, match="đã được trả lại"):
        send_back(prescription=lan, reason="dose", note="lần nữa", actor=actor, at=at(10))
    withdraw_refusal(refusal=refusal, note="BS đã xác nhận", actor=actor, at=at(11))
    assert sent_back(room, DAY) == []
    give(place, lan, store, short, when=at(11))
    assert PrescriptionRefusal.objects.get().withdrawn_note == "BS đã xác nhận"


def test_patients_are_called_once_each_priority_first_and_the_wall_shows_little(world, place, store, lan):
    other = shelf.someone_prescription(world, place, "Trần Thị Bích Ngọc", (AMLODIPIN, 5))
    other.visit.priority = True
    other.visit.save()
    actor = place.actor("pharmacist")

    def called(hour):
        found = call_next(store=store, actor=actor, at=at(hour))
        return found and found.prescription

    assert [called(10), called(11), called(12)] == [other, lan, None]
    (shown,) = called_now(place.facility, DAY)
    assert (shown.name, shown.window) == ("N. T. Lan", store.name)
    set_absent(prescription=lan, store=store, actor=actor, at=at(13))
    assert [one.name for one in called_now(place.facility, DAY)] == ["T. T. B. Ngọc"]
    with pytest.raises(Refusal, match="đã được cho vắng"):
        set_absent(prescription=lan, store=store, actor=actor, at=at(13))
    call_again(prescription=lan, store=store, actor=actor, at=at(14))
    assert called_now(place.facility, DAY)[0].name == "N. T. Lan"
    give(place, lan, store, choice(lan, PARACETAMOL, 12, reason="declined"), when=at(15))
    assert [one.name for one in called_now(place.facility, DAY)] == ["T. T. B. Ngọc"]
    assert short_name("Lan") == "Lan"


def test_what_was_told_is_kept_as_it_is(place, store, lan):
    done = give(place, lan, store, choice(lan, PARACETAMOL, 12, reason="declined"))
    note = counsel(dispense=done, text=" Uống sau ăn\n", actor=place.actor("pharmacist"), at=at(10))
    assert note.text == "Uống sau ăn"
    with pytest.raises(Refusal):
        counsel(dispense=done, text=" ", actor=place.actor("pharmacist"), at=at(10))
