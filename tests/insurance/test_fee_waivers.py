"""Waivers: less to pay for the patient, nothing changed for the fund, never below zero, nothing deleted."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from his.catalogs.models import Drug
from his.core.dates import local
from his.core.errors import NotFound, PermissionRefused, Refusal
from his.core.money import round0
from insurance.billing import ledger, queries
from insurance.billing.cash import collect
from insurance.billing.closing import reopen_visit
from insurance.billing.fee_waivers import Reason, cancel_waiver, grant_waiver
from insurance.claims.services import build_claim
from insurance.claims.stored import rows_of
from insurance.models import BenefitLine, BenefitResult, CashEntry, Charge, FeeWaiver
from pharmacy.services.dispensing import reverse_dispense
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import HALF_PAID, drawer

pytestmark = pytest.mark.django_db

POOR = Reason("hardship", "Hộ khó khăn, có giấy của khóm")


def grant(step: walk.Walk, hour: int = 13, **how: object) -> FeeWaiver:
    actor = step.place.actor("manager")
    return grant_waiver(**{"visit": step.visit, "reason": POOR, "actor": actor, "at": at(hour), **how})


def cancel(step: walk.Walk, waiver: FeeWaiver, reason: str = "Nhầm người") -> FeeWaiver:
    return cancel_waiver(waiver=waiver, reason=reason, actor=step.place.actor("manager"), at=at(14))


def refused(task: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        task()
    return caught.value.code


def level(step: walk.Walk) -> BenefitResult:
    """The stored sum is that of the rows, and every question about what is due has the same answer."""
    result = queries.current_result(step.visit)
    assert result is not None
    rows = FeeWaiver.objects.filter(result=result)
    signed = sum((row.amount if row.kind == "grant" else -row.amount for row in rows), Decimal(0))
    assert result.waived_amount == signed
    assert 0 <= result.waived_amount <= round0(result.patient_amount)
    due = ledger.amount_due(step.visit)
    assert due == round0(result.patient_amount) - signed - ledger.paid_amount(step.visit)
    assert [row.due for row in ledger.debts(step.place.facility)] == ([due] if due else [])
    return result


def test_percent_of_the_visit_and_of_a_line_lower_only_what_is_due(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    before = step.close()
    exam = queries.lines_of(before)[0]
    grant(step, percent=Decimal(50))  # of 390 160
    own = grant(step, percent=Decimal(100), line=exam)  # 20 % of 39 800
    assert own.amount == 7960
    result = level(step)
    assert ledger.amount_due(step.visit) == 390160 - 195080 - 7960 == ledger.payable_amount(result)
    for name in ("fund_amount", "copay_amount", "self_paid_amount", "total_insured_amount"):
        assert getattr(result, name) == getattr(before, name)
    step.pay()
    assert level(step).waived_amount == 203040
    assert CashEntry.objects.get().amount == 187120
    assert step.paid_at == CashEntry.objects.get().at


def test_the_claim_keeps_the_parts_of_the_law_and_is_settled_by_a_waiver(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()

    def built(hour: int) -> dict[str, str]:
        claim = build_claim(visit=step.visit, actor=step.place.actor("claims"), at=at(hour))
        return rows_of(claim)["XML1"][0]

    before = built(13)
    waiver = grant(step, percent=Decimal(100))
    after = built(14)
    assert ledger.amount_due(step.visit) == 0
    assert (after["T_BNCCT"], after["T_BNTT"], after["T_NGUONKHAC"]) == ("90160.00", "300000.00", "0.00")
    changed = {tag: text for tag, text in after.items() if text != before[tag]}
    assert changed == {"NGAY_TTOAN": f"{local(step.visit.closed_at):%Y%m%d%H%M}"}  # settled, without a receipt
    cancel(step, waiver)
    assert built(15) == before


def test_a_waiver_of_the_first_day_of_a_month_is_listed_in_that_month_alone(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    october, november = date(2026, 10, 1), date(2026, 11, 1)
    last = grant(step, at=at(23, 59, date(2026, 10, 31)), amount=Decimal(1000))
    first = grant(step, at=at(0, 0, november), amount=Decimal(2000))
    facility = world.hospital.facility
    assert [list(queries.waivers_in(facility, month)) for month in (october, november)] == [[last], [first]]


def test_parts_of_a_dong_are_waived_whole(world: World) -> None:
    Drug.objects.filter(code=HALF_PAID).update(price=Decimal("120000.33"))
    step = walk.lan_full(world, world.hospital)
    result = step.close()
    assert result.patient_amount % 1
    for line in queries.lines_of(result):
        if ledger.amount_due(step.visit) > 0:
            grant(step, percent=Decimal(100), line=line)
    if ledger.amount_due(step.visit):
        grant(step, percent=Decimal(100))
    assert level(step).waived_amount == round0(result.patient_amount)
    assert refused(lambda: grant(step, amount=Decimal(1))) == "nothing_left"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({}, "amount_or_percent"),
        ({"amount": Decimal(1), "percent": Decimal(1)}, "amount_or_percent"),
        ({"amount": Decimal(0)}, "not_positive"),
        ({"amount": Decimal("NaN")}, "not_positive"),
        ({"amount": Decimal("0.5")}, "not_whole"),
        ({"amount": Decimal(390161)}, "too_much"),
        ({"percent": Decimal("100.01")}, "percent"),
        ({"percent": Decimal("0.00001")}, "percent"),
        ({"percent": Decimal("Infinity")}, "percent"),
        ({"amount": Decimal(1), "reason": Reason("gold", "x")}, "reason"),
        ({"amount": Decimal(1), "reason": Reason("other", " \t")}, "reason_missing"),
        ({"amount": Decimal(1), "reason": Reason("other", "x" * 501)}, "too_long"),
    ],
)
def test_what_is_refused(world: World, how: dict[str, object], code: str) -> None:
    step = walk.lan_full(world, world.hospital)
    step.close()
    assert refused(lambda: grant(step, **how)) == code
    assert not FeeWaiver.objects.exists()


def test_only_who_has_the_right_and_only_after_closing(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    assert refused(lambda: grant(step, amount=Decimal(1))) == "not_closed"
    result = step.close()
    with pytest.raises(PermissionRefused):
        grant(step, amount=Decimal(1), actor=step.place.actor("cashier"))
    with pytest.raises(NotFound):
        grant(step, amount=Decimal(1), actor=world.station.actor("manager"))
    other = walk.hung(world, world.hospital, hour=10).examine("J06.9").sign()
    other.close()
    line = queries.lines_of(result)[0]
    with pytest.raises(NotFound):
        grant(other, amount=Decimal(1), line=line)
    assert refused(lambda: grant(step, amount=Decimal(7961), line=line)) == "too_much"


def test_a_waiver_after_payment_makes_money_go_back_and_its_cancellation_is_a_row(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    waiver = grant(step, amount=Decimal(100000))
    assert ledger.amount_due(step.visit) == -100000
    assert refused(lambda: cancel(step, waiver, " ")) == "reason_missing"
    taken_back = cancel(step, waiver)
    assert (taken_back.cancels, taken_back.amount, ledger.amount_due(step.visit)) == (waiver, 100000, 0)
    assert refused(lambda: cancel(step, waiver)) == "already_cancelled"
    assert refused(lambda: cancel(step, taken_back)) == "not_grant"
    assert level(step).waived_amount == 0


def test_nothing_is_waived_where_nothing_is_left(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    lines = {line.charge.code: line for line in queries.lines_of(step.close())}
    half = grant(step, percent=Decimal(50))
    grant(step, amount=Decimal(60), line=lines["40.573"])
    grant(step, amount=Decimal(1000))
    gone = grant(step, amount=Decimal(5))
    cancel(step, gone)
    reopen_visit(visit=step.visit, reason="Trả thuốc", actor=place.actor("manager"), at=at(15))
    assert ledger.amount_due(step.visit) == 0
    reverse_dispense(dispense=step.given, reason="Trả lại", actor=place.actor("pharmacist"), at=at(15))
    step.now = at(16)
    result = step.close(drugs_declined_reason="Không nhận thuốc")
    # Below 15 % of the base salary the fund pays all, so that nothing is left to waive.
    assert result.patient_amount == 0
    assert level(step).waived_amount == 0
    assert refused(lambda: cancel(step, half)) == "already_replaced"


def test_a_percentage_is_taken_of_the_new_part(world: World) -> None:
    place = world.hospital
    step = walk.hung(world, place).examine("J06.9").order(walk.CBC, walk.GLUCOSE).sign()
    step.close()  # 39 800 + 49 700 + 22 400
    half = grant(step, percent=Decimal(50))
    of_line = grant(step, amount=Decimal(30000), line=queries.lines_of(queries.current_result(step.visit))[1])
    assert (half.amount, of_line.amount, ledger.amount_due(step.visit)) == (55950, 25950 + 4050, 25950)
    reopen_visit(visit=step.visit, reason="Giá sai", actor=place.actor("manager"), at=at(15))
    Charge.objects.filter(source_kind="exam").update(hospital_price=1)  # pulled again at the price of the list
    step.now = at(16)
    step.close()
    carried = {row.carried_from_id: row.amount for row in FeeWaiver.objects.filter(result__is_current=True)}
    assert carried == {half.pk: 55950, of_line.pk: 30000}
    assert refused(lambda: cancel(step, half)) == "already_replaced"
    level(step)


def test_any_order_of_waivers_leaves_nobody_below_zero(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    lines = queries.lines_of(step.close())
    chance = random.Random(4)
    for _ in range(60):
        how: dict[str, object] = {"line": chance.choice([None, *lines])}
        how |= {"percent": Decimal(chance.randint(1, 100))} if chance.random() < 0.5 else {}
        how |= {} if "percent" in how else {"amount": Decimal(chance.randint(1, 120000))}
        standing = queries.standing_waivers(queries.current_result(step.visit))
        with suppress(Refusal):
            if standing and chance.random() < 0.3:
                cancel(step, chance.choice(standing))
            else:
                grant(step, **how)
        level(step)
        for line in lines:
            own = FeeWaiver.objects.filter(line=line, kind="grant", cancelled_by__isnull=True)
            assert sum(row.amount for row in own) <= round0(line.patient_amount)


def test_the_database_keeps_the_rules(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    result = step.close()
    row = grant(step, amount=Decimal(390160))
    values = {"facility": result.facility, "visit": result.visit, "result": result, "at": at(15), "by": row.by}
    values |= {"reason_code": "other", "reason": "x"}
    for more in (
        {"amount": Decimal(1)},
        {"amount": Decimal(-1)},
        {"amount": Decimal(1), "kind": "cancellation", "cancels": row},
        {"amount": Decimal(1), "kind": "cancellation"},
        {"amount": Decimal(1), "reason": ""},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            FeeWaiver.objects.create(**{**values, **more})
    for change in (lambda: FeeWaiver.objects.update(amount=1), lambda: FeeWaiver.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert BenefitLine.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_one_waives_all_while_another_collects(world: World) -> None:
    place = world.hospital
    step = walk.lan_full(world, place)
    step.close()
    cashier, manager = drawer(place), place.actor("manager")
    gate = threading.Barrier(4)

    def run(task: Callable[[], object]) -> str:
        gate.wait()
        try:
            task()
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    def take() -> object:
        return collect(visit=step.visit, amount=Decimal(390160), actor=cashier, at=at(15))

    def waive() -> object:
        return grant_waiver(visit=step.visit, reason=POOR, percent=Decimal(100), actor=manager, at=at(15))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(run, [take, waive, take, waive]))
    result = level(step)
    assert result.waived_amount == 390160
    # Either nothing was taken, or the receipt came first and its money is due back.
    assert ledger.amount_due(step.visit) in {0, -390160}
    assert answers.count("done") in {1, 2}
