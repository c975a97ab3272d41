"""Drugs given in part, in place of others, and brought back: charge, receipt, claim and report say the same."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from his.core.errors import Refusal
from insurance.billing.cash import refund
from insurance.billing.charges import find_sources, not_yet_charged
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.ledger import amount_due, payable_amount
from insurance.billing.price_effect import price_effect
from insurance.billing.queries import blockers, current_result, lines_of, visits_to_settle
from insurance.billing.statement import blocks_of
from insurance.claims.services import build_month
from insurance.claims.stored import content_of
from insurance.models import CashEntry, Charge, Claim
from patients.models import Visit
from pharmacy.handout import LineChoice, ReturnedLine
from pharmacy.models import Store
from pharmacy.queries import balance_differences
from pharmacy.services.dispensing import dispense, reverse_dispense
from pharmacy.services.returning import return_drugs, reverse_return
from pharmacy.services.window import leave_out, send_back
from reports.engine import run
from reports.period import Period
from reports.reconcile import reconcile
from tests.cast import World, at
from tests.insurance import money_audit, walk
from tests.insurance.walk import HALF_PAID, MONTH, PARACETAMOL, Walk
from tests.pharmacy import shelf
from tests.scenes import scene

pytestmark = pytest.mark.django_db


@scene
def step(world: World) -> Walk:
    """Bà Lan with two prescribed drugs: 15 tablets and 7 vials that the fund pays by half."""
    walk.stocked(world, world.hospital)
    return walk.lan(world, world.hospital).examine().order(walk.ULTRASOUND).prescribe(
        (PARACETAMOL, 15), (HALF_PAID, 7)
    ).sign()  # fmt: skip


def give(step: Walk, when, **choices: LineChoice):
    store = Store.objects.get(facility=step.place.facility, code="CP")
    step.given = dispense(
        prescription=step.prescription,
        store=store,
        choices=list(choices.values()),
        actor=step.place.actor("pharmacist"),
        at=when,
    )
    return step.given


def of(step: Walk, code: str, quantity: int, **how) -> LineChoice:
    return LineChoice(step.prescription.lines.get(drug__code=code).pk, Decimal(quantity), **how)


def drug_charges(step: Walk) -> dict[str, Decimal]:
    rows = Charge.objects.filter(visit=step.visit, line_kind="drug", cancelled_at__isnull=True)
    return {row.name: row.quantity for row in rows}


def all_agree(step: Walk) -> list[dict[str, str]]:
    """Nothing differs anywhere, by the product's reconciliations and by a second opinion; answers table XML2."""
    place = step.place
    build_month(month=MONTH, actor=place.actor("claims"), at=at(18))
    run(form="01BH", facility=place.facility, period=Period.month(MONTH), actor=place.actor("claims"), at=at(18))
    for check in reconcile(place.facility):
        assert list(check.differences) == [], check.name
    claim = Claim.objects.get(visit=step.visit, is_current=True)
    assert list(claim.findings.filter(severity="blocking")) == []
    content = content_of(claim)
    assert money_audit.faults(content) == []
    result = current_result(step.visit)
    assert result is not None
    assert not_yet_charged(Visit.objects.get(pk=step.visit.pk)) == []
    shown = sum((block.amounts.hospital for block in blocks_of(lines_of(result), visit=step.visit)), Decimal(0))
    assert shown == result.total_hospital_amount
    assert balance_differences(place.facility) == []
    return money_audit.tables_of(content).get("XML2", [])


def amounts(rows: list[dict[str, str]]) -> list[Decimal]:
    return [Decimal(row["SO_LUONG"]) for row in rows]


def test_only_what_was_given_is_charged_claimed_and_paid(step: Walk) -> None:
    give(step, at(9), a=of(step, PARACETAMOL, 9, reason="has_it"), b=of(step, HALF_PAID, 5, reason="declined"))
    assert blockers(step.visit) == []
    result = step.settled()
    assert drug_charges(step) == {"Paracetamol 500mg": 9, "Nửa giá 1g": 5}
    assert amount_due(step.visit) == 0
    rows = all_agree(step)
    assert [row["TEN_THUOC"] for row in rows] == ["Paracetamol 500mg", "Nửa giá 1g"]
    assert amounts(rows) == [9, 5]
    # 2 a day: 9 of 14 tablets of the dose last 5 of 7 days when 15 were written for them
    assert "* 5 ngày" in rows[0]["LIEU_DUNG"]
    assert result.total_hospital_amount == 39800 + 58600 + 9 * 180 + 5 * 120000


def test_what_waits_to_be_collected_stops_the_closing_until_it_is_decided(step: Walk) -> None:
    give(step, at(9), a=of(step, HALF_PAID, 0, reason="out_of_stock", is_final=False))
    assert [b.code for b in blockers(step.visit)] == ["not_dispensed"]
    (row,) = visits_to_settle(step.place.facility)
    assert row.is_waiting_for_drugs
    with pytest.raises(Refusal, match="một phần"):
        step.close()
    leave_out(prescription=step.prescription, reason="out_of_stock", actor=step.place.actor("pharmacist"), at=at(10))
    assert not visits_to_settle(step.place.facility)[0].is_waiting_for_drugs
    step.now = at(11)
    step.settled()
    assert drug_charges(step) == {"Paracetamol 500mg": 15}
    all_agree(step)


def test_the_cashier_reads_that_the_pharmacy_sent_the_prescription_back(step: Walk) -> None:
    actor = step.place.actor("pharmacist")
    send_back(prescription=step.prescription, reason="allergy", note="Dị ứng?", actor=actor, at=at(9))
    (blocker,) = blockers(step.visit)
    assert "trả đơn lại bác sĩ" in blocker.message_vi
    step.close(drugs_declined_reason="Người bệnh về, không lấy thuốc")
    assert drug_charges(step) == {}


def test_a_line_given_in_two_parts_is_one_charge(step: Walk) -> None:
    give(step, at(9), a=of(step, HALF_PAID, 3, reason="out_of_stock", is_final=False))
    give(step, at(10))
    step.now = at(11)
    step.settled()
    assert drug_charges(step) == {"Paracetamol 500mg": 15, "Nửa giá 1g": 7}
    rows = all_agree(step)
    assert amounts(rows) == [15, 7]
    assert {row["NGAY_TH_YL"] for row in rows} == {"202610060900"}


def test_a_substitute_is_charged_and_claimed_as_what_it_is(world: World, step: Walk) -> None:
    place, store = step.place, Store.objects.get(facility=step.place.facility, code="CP")
    dear = shelf.other_brand(world, place, HALF_PAID, price=150000, registration_no="VD-99077-26")
    shelf.receive(place, store, shelf.goods(world, place, code=dear.code, lot="B1", unit_cost=120000))
    line = step.prescription.lines.get(drug__code=HALF_PAID)
    told = price_effect(line, dear, Decimal(7))
    swap = of(step, HALF_PAID, 4, drug_code=dear.code, agreed_by="Lan", reason="out_of_stock", is_final=False)
    give(step, at(9), a=swap)
    give(step, at(10))
    step.now = at(11)
    with CaptureQueriesContext(connection) as captured:
        find_sources(step.visit)
    assert sum('FROM "pharmacy_dispenseline"' in query["sql"] for query in captured) == 1, "what was given is read once"
    result = step.settled()
    assert drug_charges(step) == {"Paracetamol 500mg": 15, "Nửa giá 1g": 3, "Nửa giá 1g B": 4}
    rows = {row["TEN_THUOC"]: row for row in all_agree(step)}
    assert (Decimal(rows["Nửa giá 1g B"]["DON_GIA"]), rows["Nửa giá 1g B"]["SO_DANG_KY"]) == (150000, "VD-99077-26")
    assert amounts([rows["Nửa giá 1g B"], rows["Nửa giá 1g"]]) == [4, 3]
    assert Decimal(result.total_hospital_amount) == 39800 + 58600 + 15 * 180 + 3 * 120000 + 4 * 150000
    # 7 x 30.000 more, of which the fund pays 80 % of the half that it recognises
    assert told == 7 * (30000 - Decimal("0.8") * 15000)


def test_what_comes_back_before_closing_is_not_charged(step: Walk) -> None:
    given = give(step, at(9))
    actor = step.place.actor("pharmacist")
    vials = given.lines.get(prescription_line__drug__code=HALF_PAID)
    for quantity, code in ((8, "too_much"), (0, "nothing_returned")):
        back = [ReturnedLine(vials.pk, Decimal(quantity))]
        with pytest.raises(Refusal) as caught:
            return_drugs(dispense=given, lines=back, reason="Dị ứng", actor=actor, at=at(10))
        assert caught.value.code == code
    lines = [ReturnedLine(vials.pk, Decimal(3)), ReturnedLine(vials.pk, Decimal(1), is_intact=False)]
    made = return_drugs(dispense=given, lines=lines, reason="Dị ứng", actor=actor, at=at(10))
    lot = vials.lot
    assert lot.balances.get().on_hand == 10_000 - 7 + 3
    assert made.document.origin == given.document
    assert made.write_off.origin == made.document
    assert [(line.quantity, str(made.write_off.kind)) for line in made.write_off.lines.all()] == [(1, "loss")]
    with pytest.raises(Refusal, match="hủy phiếu trả trước"):
        reverse_dispense(dispense=given, reason="x", actor=actor, at=at(10))
    step.now = at(11)
    step.settled()
    assert drug_charges(step) == {"Paracetamol 500mg": 15, "Nửa giá 1g": 3}
    assert amounts(all_agree(step)) == [15, 3]


def test_a_wrong_return_is_undone_unless_others_were_given_instead(step: Walk) -> None:
    given = give(step, at(9))
    actor = step.place.actor("pharmacist")
    vials = given.lines.get(prescription_line__drug__code=HALF_PAID)
    back = [ReturnedLine(vials.pk, Decimal(2), is_intact=False)]
    made = return_drugs(dispense=given, lines=back, reason="Nhầm", actor=actor, at=at(10))
    reverse_return(patient_return=made, reason="Gõ nhầm người", actor=actor, at=at(11))
    assert vials.lot.balances.get().on_hand == 10_000 - 7
    assert blockers(step.visit) == []
    step.now = at(12)
    step.close()
    assert drug_charges(step)["Nửa giá 1g"] == 7


def test_after_closing_a_return_needs_the_visit_open_again_and_the_money_follows(step: Walk) -> None:
    given, place = give(step, at(9)), step.place
    paid = payable_amount(step.settled())
    vials = given.lines.get(prescription_line__drug__code=HALF_PAID)
    back = [ReturnedLine(vials.pk, Decimal(7))]
    how = {"dispense": given, "lines": back, "reason": "Dị ứng", "actor": place.actor("pharmacist")}
    with pytest.raises(Refusal, match="mở lại"):
        return_drugs(at=at(13), **how)
    reopen_visit(visit=step.visit, reason="Trả thuốc", actor=place.actor("manager"), at=at(13))
    return_drugs(at=at(13, 5), **how)
    assert blockers(Visit.objects.get(pk=step.visit.pk)) == []
    result = close_visit(visit=step.visit, actor=place.actor("cashier"), at=at(13, 10), extra_told=True)
    step.visit.refresh_from_db()
    assert amount_due(step.visit) == payable_amount(result) - paid < 0
    receipt = CashEntry.objects.get(visit=step.visit)
    refund(entry=receipt, amount=-amount_due(step.visit), reason="Trả thuốc", actor=walk.drawer(place), at=at(13, 15))
    assert [row["TEN_THUOC"] for row in all_agree(step)] == ["Paracetamol 500mg"]
