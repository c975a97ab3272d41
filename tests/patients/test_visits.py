"""Opening and cancelling visits, numbers for the queue, vital signs, closing steps."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from his.core.dates import BirthDate
from his.core.errors import NotFound, Refusal
from patients.models import Patient, QueueTicket, Visit
from patients.queries import ahead_of, latest_vitals, waiting
from patients.services.people import add_card
from patients.services.reception import CardInput, PersonInput, VisitInput, receive
from patients.services.visits import (
    call_next,
    call_ticket,
    cancel_visit,
    mark_closed,
    open_visit,
    record_vitals,
    skip_ticket,
)
from tests.cast import DAY, World, anh_hung, at, ba_lan, lan_visit


def open_for(world: World, patient, *, hour: int = 8, **facts) -> Visit:
    place = world.station
    values = {"patient": patient, "room": place.rooms["PK1"], "actor": place.actor("reception"), "at": at(hour)}
    return open_visit(**{**values, **facts})


def refusal_of(call, *args, **kwargs) -> Refusal:
    with pytest.raises(Refusal) as refused:
        call(*args, **kwargs)
    return refused.value


def test_a_visit_gets_its_claim_code_and_number_once(world):
    visit = lan_visit(world.station)
    assert visit.claim_code == "99001.2610.000001"
    assert (visit.state, visit.is_insured, visit.department) == ("open", True, world.station.departments["K01"])
    assert visit.tickets.get().label == "001"
    second = open_for(world, anh_hung(world.station))
    assert (second.claim_code, second.is_insured, second.tickets.get().label) == ("99001.2610.000002", False, "002")


def test_claim_codes_begin_again_each_month_and_tickets_each_day(world):
    hung = anh_hung(world.station)
    open_for(world, hung)
    next_day = open_for(world, hung, at=at() + timedelta(days=1))
    assert (next_day.claim_code, next_day.tickets.get().label) == ("99001.2610.000002", "001")
    next_month = open_for(world, hung, at=at() + timedelta(days=30))
    assert next_month.claim_code == "99001.2611.000001"


def test_priority_has_its_own_series(world):
    lan_visit(world.station)
    first = open_for(world, anh_hung(world.station), priority=True)
    assert first.tickets.get().label == "A001"


def test_the_card_must_be_the_persons_own_and_valid_on_the_day(world):
    lan, card = ba_lan(world.station)
    hung = anh_hung(world.station)
    assert refusal_of(open_for, world, hung, card=card).field == "card"
    late = refusal_of(open_for, world, lan, card=card, at=at(day=date(2027, 1, 1)))
    assert (late.code, "31/12/2026" in late.message_vi) == ("card_expired", True)
    early = refusal_of(open_for, world, lan, card=card, at=at(day=date(2025, 12, 31)))
    assert early.code == "card_not_yet"
    assert refusal_of(open_for, world, hung, is_insured=True).code == "no_card"


def test_the_registered_route_needs_a_card_registered_here(world):
    lan, card = ba_lan(world.hospital)
    open_visit_at = {"room": world.hospital.rooms["PK1"], "actor": world.hospital.actor("reception")}
    card.registered_facility_code = "99001"
    card.save()
    wrong = refusal_of(open_for, world, lan, card=card, route="registered", **open_visit_at)
    assert (wrong.code, wrong.field, "99001" in wrong.message_vi) == ("route_contradicts_card", "route", True)
    assert open_for(world, lan, card=card, route="self", **open_visit_at).is_insured


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"route": "referral"}, "referral_facility_code"),
        ({"route": "referral", "referral_facility_code": "12"}, "referral_facility_code"),
        ({"route": "flying"}, "route"),
        ({"visit_type": "99"}, "visit_type"),
        ({"injury_code": "9"}, "injury_code"),
        ({"reason": "x" * 1001}, "reason"),
        ({"referral_number": "x" * 51}, "referral_number"),
    ],
)
def test_wrong_facts_are_refused_beside_their_field_and_open_nothing(world, facts, field):
    assert refusal_of(open_for, world, anh_hung(world.station), **facts).field == field
    assert not Visit.objects.exists()


def test_only_exam_rooms_of_the_own_facility(world):
    hung = anh_hung(world.station)
    assert refusal_of(open_for, world, hung, room=world.station.rooms["XN"]).field == "room"
    with pytest.raises(NotFound):
        open_for(world, hung, room=world.hospital.rooms["PK1"])


def test_a_second_visit_of_the_day_wants_confirming(world):
    hung = anh_hung(world.station)
    first = open_for(world, hung)
    refused = refusal_of(open_for, world, hung, hour=9)
    assert (refused.code, refused.field, refused.facts["visit_id"]) == ("already_open", "confirm_second", first.pk)
    assert open_for(world, hung, hour=9, confirm_second=True).claim_code == "99001.2610.000002"
    cancel = world.station.actor("reception")
    for visit in Visit.objects.all():
        cancel_visit(visit=visit, reason="Đăng ký nhầm", actor=cancel, at=at(10))
    assert open_for(world, hung, hour=11).claim_code == "99001.2610.000003"


def test_cancelling_leaves_the_queue_and_keeps_the_numbers(world):
    visit = lan_visit(world.station)
    actor = world.station.actor("reception")
    assert refusal_of(cancel_visit, visit=visit, reason=" ", actor=actor, at=at(9)).field == "reason"
    cancel_visit(visit=visit, reason="Người bệnh về", actor=actor, at=at(9))
    assert not waiting(world.station.rooms["PK1"], DAY).exists()
    assert refusal_of(cancel_visit, visit=visit, reason="x", actor=actor, at=at(9)).code == "already_cancelled"
    assert open_for(world, anh_hung(world.station), hour=10).tickets.get().label == "002"


def test_a_visit_under_examination_cannot_be_cancelled(world):
    visit = lan_visit(world.station)
    Visit.objects.update(state=Visit.State.IN_EXAM)
    assert refusal_of(cancel_visit, visit=visit, reason="x", actor=world.station.actor("reception"), at=at(9)).code == (
        "exam_begun"
    )


def test_calling_goes_priority_first_and_skips_come_last(world):
    room, nurse = world.station.rooms["PK1"], world.station.actor("nurse")
    hung = anh_hung(world.station)
    for priority in (False, False, True):
        open_for(world, hung, priority=priority, confirm_second=True)
    first = call_next(room=room, actor=nurse, at=at(9))
    assert first.label == "A001"
    second = call_next(room=room, actor=nurse, at=at(9, 5))
    skip_ticket(ticket=second, actor=nurse, at=at(9, 6))
    assert call_next(room=room, actor=nurse, at=at(9, 7)).label == "002"
    assert call_next(room=room, actor=nurse, at=at(9, 8)) is None
    assert [ticket.label for ticket in waiting(room, DAY)] == ["A001", "002", "001"]
    assert call_ticket(ticket=second, actor=nurse, at=at(9, 9)).state == QueueTicket.State.CALLED
    QueueTicket.objects.update(state=QueueTicket.State.DONE)
    assert refusal_of(call_ticket, ticket=second, actor=nurse, at=at(9, 9)).code == "not_waiting"
    assert refusal_of(skip_ticket, ticket=second, actor=nurse, at=at(9, 9)).code == "not_waiting"


def test_numbers_of_yesterday_are_not_called(world):
    lan_visit(world.station)
    tomorrow = at() + timedelta(days=1)
    assert call_next(room=world.station.rooms["PK1"], actor=world.station.actor("nurse"), at=tomorrow) is None


def test_vital_signs_add_up_and_the_latest_counts(world):
    visit, nurse = lan_visit(world.station), world.station.actor("nurse")
    record_vitals(visit=visit, actor=nurse, at=at(8, 10), temperature=Decimal("39.5"), weight_kg=Decimal("52.25"))
    record_vitals(visit=visit, actor=nurse, at=at(8, 40), temperature=Decimal("37.2"), systolic=150, diastolic=90)
    assert latest_vitals(visit).temperature == Decimal("37.2")
    assert visit.vital_signs.count() == 2


@pytest.mark.parametrize(
    ("readings", "field"),
    [
        ({}, None),
        ({"pulse": 0}, "pulse"),
        ({"pulse": 301}, "pulse"),
        ({"temperature": Decimal("375")}, "temperature"),
        ({"temperature": Decimal("37.55")}, "temperature"),
        ({"systolic": 120}, "diastolic"),
        ({"diastolic": 80}, "systolic"),
        ({"systolic": 80, "diastolic": 120}, "diastolic"),
        ({"oxygen_saturation": 101}, "oxygen_saturation"),
        ({"respiration": 1}, "respiration"),
        ({"weight_kg": Decimal(0)}, "weight_kg"),
        ({"height_cm": Decimal("1.65")}, "height_cm"),
    ],
)
def test_readings_that_cannot_be_are_refused_beside_their_field(world, readings, field):
    visit = lan_visit(world.station)
    nurse = world.station.actor("nurse")
    assert refusal_of(record_vitals, visit=visit, actor=nurse, at=at(9), **readings).field == field


def test_no_vital_signs_before_the_arrival_or_after_the_end(world):
    visit, nurse = lan_visit(world.station), world.station.actor("nurse")
    assert refusal_of(record_vitals, visit=visit, actor=nurse, at=at(7), pulse=80).code == "before_arrival"
    Visit.objects.update(state=Visit.State.CANCELLED)
    assert refusal_of(record_vitals, visit=visit, actor=nurse, at=at(9), pulse=80).code == "visit_finished"


def test_the_closing_step_belongs_to_the_closing_service(world):
    with pytest.raises(RuntimeError):
        mark_closed(visit=lan_visit(world.station), actor=world.station.actor("cashier"), at=at(9), claim_month=DAY)


PERSON = PersonInput(
    full_name="Lê Bé Tí",
    birth=BirthDate(date(2023, 10, 12), "day"),
    sex="2",
    province_code="99",
    commune_code="99001",
    guardian_name="Lê Thị Mẹ",
)
CARD = CardInput("TE1999987654321", "99001", date(2023, 10, 12), None)


def take_in(world: World, **facts) -> Visit:
    place = world.station
    values = {"person": PERSON, "visit": VisitInput(room=place.rooms["PK1"]), "new_card": CARD}
    return receive(**{**values, "actor": place.actor("reception"), "at": at(), **facts})


def test_person_card_and_visit_are_stored_together(world):
    visit = take_in(world)
    assert (visit.patient.full_name, visit.card.number, visit.is_insured) == ("Lê Bé Tí", "TE1999987654321", True)


def test_after_a_refusal_nothing_of_it_is_stored(world):
    bad_card = CardInput("XX", "99001", date(2026, 1, 1), None)
    assert refusal_of(take_in, world, new_card=bad_card).field == "card_number"
    late = VisitInput(room=world.station.rooms["XN"])
    assert refusal_of(take_in, world, visit=late).field == "room"
    assert not Visit.objects.exists()
    assert take_in(world).patient.code == "99001.000001"


def test_the_same_key_opens_one_visit(world):
    assert take_in(world, idempotency_key="once").pk == take_in(world, idempotency_key="once").pk
    assert Visit.objects.count() == 1


def test_a_known_person_keeps_what_the_desk_does_not_change(world):
    lan, card = ba_lan(world.station)
    room = world.station.rooms["PK1"]
    visit = take_in(world, person=lan, new_card=None, visit=VisitInput(room=room, card=card), phone="0912345678")
    lan.refresh_from_db()
    assert (visit.card, lan.phone, lan.address) == (card, "0912345678", "Thôn Giả Định, xã Thí Dụ")


def test_a_card_that_is_no_longer_good_is_kept_as_history(world):
    lan, card = ba_lan(world.station)
    newer = add_card(
        patient=lan,
        number="HT2999912345678",
        registered_facility_code="99001",
        valid_from=date(2027, 1, 1),
        valid_to=None,
        actor=world.station.actor("reception"),
        at=at(),
    )
    assert set(lan.cards.all()) == {card, newer}


def test_the_slip_counts_who_is_called_before(world):
    hung = anh_hung(world.station)
    visits = [open_for(world, hung, priority=p, confirm_second=True) for p in (False, False, True)]
    assert [ahead_of(visit.tickets.get()) for visit in visits] == [1, 2, 0]


def test_an_insured_visit_needs_the_commune_of_the_person(world):
    lan, card = ba_lan(world.station)
    Patient.objects.filter(pk=lan.pk).update(province_code="", commune_code="")
    refusal = refusal_of(open_for, world, lan, card=card)
    assert (refusal.code, refusal.field) == ("residence_missing", "commune")
    assert not open_for(world, lan, card=card, is_insured=False).is_insured
