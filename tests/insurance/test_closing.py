"""Closing a visit: one stored split, the same figures everywhere, and every reason why it may not be closed yet."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from his.accounts.models import FacilityStatus
from his.audit.models import AuditEntry
from his.catalogs.models import Drug, PricedService
from his.core.errors import PermissionRefused, Refusal
from his.core.money import round2
from insurance.billing.closing import close_visit, preview, reopen_visit
from insurance.billing.fee_waivers import Reason, grant_waiver
from insurance.billing.ledger import amount_due, payable_amount
from insurance.billing.queries import blockers, current_result, lines_of
from insurance.billing.shares import Shares
from insurance.models import BenefitResult, Charge, Claim
from insurance.printing.receipt import cost_so_far
from insurance.views.split_view import shown_split
from patients.models import Visit
from patients.services.exams import set_diagnoses, start_exam
from patients.services.signing import sign_exam
from patients.services.visits import cancel_visit
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import CBC, GLUCOSE, HALF_PAID, PARACETAMOL

pytestmark = pytest.mark.django_db


def level_by_hand(result: BenefitResult, percent: str) -> None:
    """Each insured line by its own arithmetic, the sums by adding lines."""
    level, lines = Decimal(percent) / 100, lines_of(result)
    for line in lines:
        assert line.fund_amount == round2(line.insured_amount * level)
        assert line.copay_amount == line.insured_amount - line.fund_amount
        assert line.self_paid_amount == line.hospital_amount - line.insured_amount
    for stored, name in (
        (result.total_hospital_amount, "hospital_amount"),
        (result.total_insured_amount, "insured_amount"),
        (result.fund_amount, "fund_amount"),
        (result.copay_amount, "copay_amount"),
        (result.self_paid_amount, "self_paid_amount"),
        (result.other_amount, "other_amount"),
    ):
        assert stored == sum(getattr(line, name) for line in lines)


def test_a_right_route_visit_pays_by_the_card_level(world: World) -> None:
    result = walk.lan_full(world, world.hospital).close()
    assert (result.entitlement_code, result.card_percent, result.route_percent) == ("1.1", 80, 100)
    # 39 800 + 49 700 + 58 600 + 15 x 180 + half of 5 x 120 000
    assert (result.total_hospital_amount, result.total_insured_amount) == (750800, 450800)
    assert (result.fund_amount, result.copay_amount, result.self_paid_amount) == (360640, 90160, 300000)
    level_by_hand(result, "80")
    assert result.explanation
    assert result.parameters["base_salary"] == "2530000"
    half = lines_of(result)[-1]
    assert (half.payment_rate, half.insured_amount, half.self_paid_amount) == (50, 300000, 300000)
    assert any("50%" in reason for reason in half.reasons)


def test_a_small_visit_and_a_commune_station_are_paid_in_full(world: World) -> None:
    small = walk.lan_full(world, world.hospital, vials=2).close()
    assert (small.total_insured_amount, small.copay_amount) == (270800, 0)
    at_the_station = walk.lan_full(world, world.station).close()
    assert (at_the_station.entitlement_code, at_the_station.copay_amount) == ("1.2", 0)
    assert at_the_station.fund_amount == at_the_station.total_insured_amount == 450800


def test_a_level_of_47_5_percent_leaves_no_cent_over(world: World) -> None:
    place = world.hospital
    FacilityStatus.objects.filter(facility=place.facility).update(points=60, former_line="")
    Drug.objects.filter(code=HALF_PAID).update(price=Decimal("100050.555"), insured_price=Decimal("100050.555"))
    patient, card = walk.someone(place, "Lê Thị Nửa", card="HN3999900000001", registered="99077")
    step = walk.visit_of(world, place, patient, card, route="self").examine().order(CBC)
    result = step.prescribe((HALF_PAID, 7)).sign().dispense().close()
    assert (result.entitlement_code, result.card_percent, result.route_percent) == ("1.13", 95, 50)
    level_by_hand(result, "47.5")
    drug = lines_of(result)[-1]
    # 7 x 100 050.555 = 700 353.885; half of it 350 176.9425; 47.5 % of that, rounded, 166 334.0465
    assert (drug.hospital_amount, drug.insured_amount) == (Decimal("700353.89"), Decimal("350176.94"))
    assert (drug.fund_amount, drug.copay_amount) == (Decimal("166334.05"), Decimal("183842.89"))


def test_a_referral_is_the_right_route(world: World) -> None:
    place = world.hospital
    patient, card = walk.someone(place, "Vũ Thị Mai", card="DN4999900000002", registered="99001")
    sent = walk.visit_of(world, place, patient, card, route="referral", referral_facility_code="99001")
    result = sent.examine("Z34.9").order(CBC).sign().close()
    assert (result.entitlement_code, result.card_percent, result.route_percent) == ("1.3", 80, 100)


def test_a_second_exam_of_the_visit_counts_30_percent(world: World) -> None:
    place = world.hospital
    step = walk.lan(world, place).examine().sign()
    second = walk.Walk(world, place, step.visit, now=at(9))
    room = place.rooms["PK5"]
    doctor = place.actor("doctor5")
    exam = start_exam(visit=step.visit, room=room, actor=doctor, at=at(9))
    set_diagnoses(exam=exam, main="I10", actor=doctor, at=at(9, 5))
    sign_exam(exam=exam, actor=doctor, at=at(9, 10))
    second.now = at(9, 15)
    lines = lines_of(second.close())
    assert [(line.service_rate, line.hospital_amount) for line in lines] == [(100, 39800), (30, 11940)]


def test_a_self_paying_visit_closes_with_code_9(world: World) -> None:
    step = walk.hung(world, world.hospital).examine("J06.9").order(GLUCOSE)
    result = step.prescribe((PARACETAMOL, 10)).sign().dispense().close()
    assert result.entitlement_code == "9"
    assert (result.fund_amount, result.copay_amount) == (0, 0)
    assert result.self_paid_amount == result.total_hospital_amount == 39800 + 22400 + 1800
    assert amount_due(step.visit) == 64000


def test_the_preview_is_what_closing_stores(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    expected, lines = preview(step.visit)
    assert not Charge.objects.exists()
    result = step.close()
    assert [line.charge.name for line in lines_of(result)] == [line.charge.name for line in lines]
    assert expected.fund_amount == result.fund_amount
    assert expected.patient_amount == result.patient_amount


def test_what_must_happen_before_closing_is_said(world: World) -> None:
    place = world.hospital
    step = walk.lan(world, place)
    refusals = []

    def refused(**how: str) -> str:
        with pytest.raises(Refusal) as caught:
            step.close(**how)
        refusals.append(caught.value)
        return caught.value.code

    assert refused() == "not_signed"
    step.examine().order(CBC, results=False).prescribe((PARACETAMOL, 10))
    assert [b.code for b in blockers(step.visit)] == ["not_signed", "results_pending", "not_dispensed"]
    step.result(step.exam.orders.get())
    step.sign()
    assert refused() == "not_dispensed"
    assert refusals[-1].field == "drugs_declined_reason"
    assert refused(drugs_declined_reason="   ") == "not_dispensed"
    assert Visit.objects.get().state == Visit.State.EXAMINED
    result = step.close(drugs_declined_reason="Người bệnh có thuốc ở nhà")
    assert [line.charge.code for line in lines_of(result)] == ["02.1896", CBC]
    assert refused() == "already_closed"
    assert "đã được chốt chi phí lúc" in refusals[-1].message_vi


def test_a_cancelled_visit_and_a_clock_that_runs_behind_are_refused(world: World) -> None:
    place = world.hospital
    step = walk.hung(world, place)
    cancel_visit(visit=step.visit, reason="Về", actor=place.actor("reception"), at=at(9))
    with pytest.raises(Refusal) as cancelled:
        step.close()
    assert cancelled.value.code == "cancelled"
    examined = walk.lan(world, place).examine().sign()
    with pytest.raises(Refusal) as early:
        close_visit(visit=examined.visit, actor=place.actor("cashier"), at=at(7))
    assert early.value.code == "before_end"


def test_an_unknown_tier_is_refused_with_what_is_missing(world: World) -> None:
    FacilityStatus.objects.filter(facility=world.hospital.facility).update(valid_to=date(2026, 6, 30))
    with pytest.raises(Refusal, match="chưa khai báo cấp chuyên môn") as refused:
        walk.lan(world, world.hospital).examine().sign().close()
    assert refused.value.code == "tier_missing"


def test_reopening_keeps_the_claim_code_and_closing_again_makes_version_2(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.settled()
    code, manager = step.visit.claim_code, place.actor("manager")
    with pytest.raises(Refusal) as refused:
        reopen_visit(visit=step.visit, reason=" ", actor=manager, at=at(12))
    assert refused.value.field == "reason"
    with pytest.raises(PermissionRefused):
        reopen_visit(visit=step.visit, reason="Sai", actor=place.actor("cashier"), at=at(12))
    visit = reopen_visit(visit=step.visit, reason="Sai giá", actor=manager, at=at(12))
    assert (visit.state, visit.claim_code, visit.version) == (Visit.State.EXAMINED, code, 2)
    assert current_result(visit) is None
    assert amount_due(visit) == 0  # nothing is owed or to be given back while no split is in force
    PricedService.objects.filter(code=CBC).update(price=40000, insured_price=40000)
    step.now = at(13)
    second = step.close()
    assert (second.version, second.total_hospital_amount) == (2, 750800 - 9700)
    assert (step.visit.claim_code, Claim.objects.filter(is_current=True).count()) == (code, 0)
    assert amount_due(step.visit) == -1940  # 20 % of 9 700 was paid too much
    assert [r.is_current for r in BenefitResult.objects.order_by("version")] == [False, True]


def test_closing_again_shows_before_storing_what_changed_and_keeps_it_afterwards(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    assert shown_split(step.visit).difference is None  # closed for the first time
    reopen_visit(visit=step.visit, reason="Sai giá", actor=world.hospital.actor("manager"), at=at(12))
    PricedService.objects.filter(code=CBC).update(price=40000, insured_price=40000)
    PricedService.objects.filter(code=GLUCOSE).update(name="Glucose máu")  # a name is no amount
    shown = shown_split(Visit.objects.get(pk=step.visit.pk))
    before = shown.difference
    step.now = at(13)
    step.close(seen=shown.seen)
    after = shown_split(Visit.objects.get(pk=step.visit.pk)).difference
    for found in (before, after):
        assert found is not None
        (line,) = found.lines
        assert (found.since, line.quantity_before, line.quantity_after) == (1, 1, 1)
        assert line.change == Shares(Decimal(-9700), Decimal(-9700), Decimal(-7760), Decimal(-1940))
        assert found.change == line.change
        assert (found.before.hospital, found.after.hospital) == (Decimal(750800), Decimal(741100))
    assert AuditEntry.objects.filter(action="billing.close_visit").latest("pk").facts["change"] == "-1940.00"


def test_what_was_waived_is_taken_off_before_closing_again_as_afterwards(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    result = step.settled()
    manager = world.hospital.actor("manager")
    hardship = Reason("hardship", "Hộ khó khăn")
    grant_waiver(visit=step.visit, percent=Decimal(50), reason=hardship, actor=manager, at=at(11))
    line = lines_of(result)[1]
    grant_waiver(visit=step.visit, amount=Decimal(1000), line=line, reason=hardship, actor=manager, at=at(11, 5))
    reopen_visit(visit=step.visit, reason="Sai giá", actor=manager, at=at(12))
    PricedService.objects.filter(code=CBC).update(price=40000, insured_price=40000)
    shown = shown_split(Visit.objects.get(pk=step.visit.pk))
    assert (shown.waived, shown.payable) == (194110 + 1000, 388220 - 195110)  # half of what there is to pay now
    assert cost_so_far(Visit.objects.get(pk=step.visit.pk)) == shown.payable
    step.now = at(13)
    again = step.close(seen=shown.seen)
    again.refresh_from_db()
    assert (again.waived_amount, payable_amount(again)) == (shown.waived, shown.payable)
    assert amount_due(step.visit) == shown.payable - 390160


def test_closing_refuses_a_split_that_is_no_longer_the_one_on_the_screen(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    seen = shown_split(step.visit).seen
    PricedService.objects.filter(code=CBC).update(price=40000, insured_price=40000)
    with pytest.raises(Refusal, match="hãy xem lại số mới") as refused:
        close_visit(visit=step.visit, actor=world.hospital.actor("cashier"), at=at(11), seen=seen)
    assert refused.value.code == "changed"
    assert not BenefitResult.objects.exists()
    assert not Charge.objects.exists()
    seen = shown_split(step.visit).seen
    assert close_visit(visit=step.visit, actor=world.hospital.actor("cashier"), at=at(11), seen=seen).version == 1


def test_a_visit_that_is_not_closed_cannot_be_reopened(world: World) -> None:
    step = walk.lan(world, world.hospital).examine().sign()
    with pytest.raises(Refusal) as refused:
        reopen_visit(visit=step.visit, reason="Sai", actor=world.hospital.actor("manager"), at=at(12))
    assert refused.value.code == "not_closed"


def test_an_open_visit_of_a_card_of_five_years_can_be_previewed(world: World) -> None:
    place = world.hospital
    step = walk.lan(world, place).examine()
    card = step.visit.card
    card.five_years_from = date(2021, 1, 1)
    card.save()
    expected, _ = preview(Visit.objects.select_related("patient", "card", "facility").get(pk=step.visit.pk))
    assert expected.total_hospital_amount == 39800


@pytest.mark.django_db(transaction=True)
def test_two_cashiers_close_one_visit_and_one_of_them_is_told(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    gate = threading.Barrier(2)

    def close(key: str) -> BenefitResult | Refusal:
        try:
            gate.wait(timeout=10)
            return close_visit(visit=step.visit, actor=place.actor(key), at=at(11))
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(close, ("cashier", "cashier2")))
    (refusal,) = [answer for answer in answers if isinstance(answer, Refusal)]
    assert refusal.code == "already_closed"
    assert refusal.message_vi == "Lượt khám đã được chốt chi phí lúc 11:00 ngày 06/10/2026"
    assert BenefitResult.objects.count() == 1
    assert Charge.objects.count() == 5
