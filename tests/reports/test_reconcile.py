"""The same money in every place: a month in order has no difference, and each kind of damage is named where it is."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from insurance.billing.cash import collect, refund
from insurance.billing.closing import close_visit, reopen_visit
from insurance.billing.drawers import close_day
from insurance.billing.invoices.services import aggregate_day
from insurance.billing.ledger import amount_due, expected_cash
from insurance.claims.services import build_month
from insurance.models import (
    BenefitLine,
    BenefitResult,
    CashDay,
    CashEntry,
    CashSession,
    Charge,
    Claim,
    Invoice,
    InvoiceEntry,
    InvoiceProfile,
)
from patients.models import Visit
from pharmacy.models import DispenseLine
from reports.engine import run
from reports.models import ReportRun
from reports.period import Period
from reports.reconcile import CHECKS, reconcile
from tests.cast import DAY, World, at
from tests.insurance import walk
from tests.insurance.test_export import MONTH
from tests.scenes import scene

pytestmark = pytest.mark.django_db
PERIOD = Period.month(MONTH)


@scene
def settled(world: World) -> World:
    """Two closed visits; one was refunded, opened again, closed and paid again; claims and the report are made."""
    place = world.hospital
    first = walk.lan_full(world, place)
    first.settled()
    walk.hung(world, place, hour=9).examine().order(walk.CBC).sign().settled()
    receipt = CashEntry.objects.get(visit=first.visit)
    cashier = walk.drawer(place)
    refund(entry=receipt, amount=Decimal(5000), reason="Thu thừa", actor=cashier, at=at(13))
    reopen_visit(visit=first.visit, reason="Sai", actor=place.actor("manager"), at=at(13, 5))
    close_visit(visit=first.visit, actor=cashier, at=at(13, 10))
    collect(visit=first.visit, amount=amount_due(first.visit), actor=cashier, at=at(13, 15))
    build_month(month=MONTH, actor=place.actor("claims"), at=at(18))
    run(form="01BH", facility=place.facility, period=PERIOD, actor=place.actor("claims"), at=at(18))
    return world


def differing(world: World) -> dict[str, list[str]]:
    checks = reconcile(world.hospital.facility, MONTH)
    return {check.name: [row.ref for row in check.differences] for check in checks if check.differences}


def test_a_month_in_order_has_no_difference(settled: World) -> None:
    checks = reconcile(settled.hospital.facility)
    assert len(checks) == len(CHECKS)
    assert [check.name for check in checks if check.differences] == []
    unused = {"drawers", "days", "waivers", "invoices", "filed"}
    assert all(check.compared for check in checks if check.name not in unused)
    assert differing(settled) == {}
    assert reconcile(settled.station.facility)[0].compared == 0
    out = StringIO()
    call_command("reconcile", "--facility", settled.hospital.facility.code, stdout=out)
    assert out.getvalue().count("KHỚP") == len(CHECKS)


def test_a_month_before_the_form_was_in_force_is_compared_without_it(settled: World) -> None:
    Visit.objects.update(claim_month=date(2026, 1, 1))
    checks = {check.name: check for check in reconcile(settled.hospital.facility)}
    assert (checks["report"].compared, checks["report"].differences) == (0, [])
    assert checks["claims"].compared == 1


def test_the_result_is_kept_and_shown(settled: World) -> None:
    page = walk.signed_in(settled.hospital, "accountant")
    assert "Chưa đối chiếu lần nào" in page.get("/reports/reconcile/").content.decode()
    assert page.post("/reports/reconcile/", {"month": "13/2026"}).status_code == 422
    shown = page.post("/reports/reconcile/", {"month": "10/2026"}, follow=True).content.decode()
    assert "Đã đối chiếu tháng 10/2026: không chỗ nào lệch" in shown
    assert shown.count("Khớp") == len(CHECKS) + 1
    with pgtrigger.ignore():
        Visit.objects.filter(pk=lan().pk).update(version=9)
    with pytest.raises(CommandError, match="chỗ lệch"):
        call_command("reconcile", "--store", "--month", "2026-10", stdout=StringIO())
    shown = page.get("/reports/reconcile/").content.decode()
    assert lan().claim_code in shown
    assert walk.signed_in(settled.hospital, "doctor").get("/reports/reconcile/").status_code == 403
    other = walk.signed_in(settled.station, "manager").get("/reports/reconcile/?run=1").content.decode()
    assert lan().claim_code not in other


@pytest.fixture
def damage() -> Iterator[None]:
    """Let rows be changed that the database protects."""
    with pgtrigger.ignore():
        yield


def lan() -> Visit:
    return Visit.objects.order_by("pk")[0]


def test_each_kind_of_damage_is_named(settled: World, damage: None) -> None:
    code = lan().claim_code
    line = BenefitLine.objects.filter(result__visit=lan(), result__is_current=True).order_by("pk")
    BenefitLine.objects.filter(pk=line[0].pk).update(
        fund_amount=F("fund_amount") + 1, copay_amount=F("copay_amount") - 1
    )
    assert differing(settled) == {"lines": [code, code]}
    BenefitLine.objects.filter(pk=line[0].pk).update(
        fund_amount=F("fund_amount") - 1, copay_amount=F("copay_amount") + 1
    )

    Charge.objects.filter(pk=line[1].charge_id).update(cancelled_at=at(15))
    assert differing(settled) == {"charges": [code]}
    Charge.objects.filter(pk=line[1].charge_id).update(cancelled_at=None)

    Charge.objects.filter(pk=line[1].charge_id).update(hospital_price=F("hospital_price") + 1)
    assert differing(settled) == {"charges": [code]}
    Charge.objects.filter(pk=line[1].charge_id).update(hospital_price=F("hospital_price") - 1)

    Visit.objects.filter(pk=lan().pk).update(version=F("version") + 1)
    assert differing(settled)["split"] == [code]
    Visit.objects.filter(pk=lan().pk).update(version=F("version") - 1)

    part = DispenseLine.objects.select_related("dispense__document").order_by("pk")[0]
    DispenseLine.objects.filter(pk=part.pk).update(quantity=F("quantity") - 1)
    assert differing(settled) == {"shelf": [part.dispense.document.number], "drugs": [code]}
    DispenseLine.objects.filter(pk=part.pk).update(quantity=F("quantity") + 1)

    given = CashEntry.objects.get(kind="refund")
    CashEntry.objects.filter(pk=given.pk).update(amount=10_000_000)
    assert differing(settled) == {"refunds": [given.reverses.number], "accounts": [code], "journal": [given.number]}
    CashEntry.objects.filter(pk=given.pk).update(amount=given.amount, number="PH26.000003")
    assert differing(settled) == {"numbers": ["PH26"], "journal": ["PH26.000003"]}
    CashEntry.objects.filter(pk=given.pk).update(number=given.number)

    result = BenefitResult.objects.get(visit=lan(), is_current=True)
    BenefitResult.objects.filter(pk=result.pk).update(waived_amount=10)
    assert differing(settled)["waivers"] == [code]
    BenefitResult.objects.filter(pk=result.pk).update(waived_amount=0)

    CashSession.objects.update(closed_at=at(19), expected_amount=1, counted_amount=1)
    assert len(differing(settled)["drawers"]) == 1
    session = CashSession.objects.get()
    CashSession.objects.update(expected_amount=expected_cash(session))
    close_day(day=at(0).date(), actor=settled.hospital.actor("accountant"), at=at(20))
    assert differing(settled) == {}
    CashEntry.objects.filter(pk=given.pk).update(at=at(8) + timedelta(days=1))
    assert len(differing(settled)["days"]) == 2


def test_a_month_ends_before_the_first_day_of_the_next(settled: World, damage: None) -> None:
    """A drawer and a closed day of 1 November that do not add up are no matter of October."""
    facility, cashier = settled.hospital.facility, settled.hospital.users["cashier2"]
    day, one = date(2026, 11, 1), Decimal(1)
    wrong = {"counted_amount": one, "expected_amount": one, "note": "Sai"}
    opened = at(8, day=day)
    CashSession.objects.create(
        facility=facility, cashier=cashier, opened_at=opened, closed_at=opened, opening_float=0, **wrong
    )
    closed = {"day": day, "closed_at": at(20, day=day), "closed_by": cashier, "entry_count": 0, "cash_amount": one}
    CashDay.objects.create(facility=facility, received_amount=0, held_amount=0, **closed)
    assert differing(settled) == {}
    checks = {check.name: check for check in reconcile(facility, date(2026, 11, 1))}
    assert len(checks["drawers"].differences) == len(checks["days"].differences) == 1


def test_what_only_the_journal_knows_is_named(settled: World, damage: None) -> None:
    """A lower receipt looks like a debt, the last paper leaves no gap, and a split may agree with its changed lines."""
    receipt = CashEntry.objects.filter(kind="receipt").latest("pk")
    CashEntry.objects.filter(pk=receipt.pk).update(amount=F("amount") - 1)
    assert differing(settled)["journal"] == [receipt.number]
    CashEntry.objects.filter(pk=receipt.pk).update(amount=F("amount") + 1)
    assert differing(settled) == {}
    CashEntry.objects.filter(pk=receipt.pk).delete()
    assert {name: differing(settled)[name] for name in ("numbers", "journal")} == {
        "numbers": ["PT26"],
        "journal": [receipt.number],
    }
    result = BenefitResult.objects.get(visit=lan(), is_current=True)
    less, more = {"fund_amount": F("fund_amount") - 10}, {"copay_amount": F("copay_amount") + 10}
    BenefitLine.objects.filter(pk=result.lines.filter(fund_amount__gt=10)[0].pk).update(**less, **more)
    BenefitResult.objects.filter(pk=result.pk).update(**less, **more)
    found = differing(settled)
    assert "lines" not in found
    assert found["journal"] == [receipt.number, lan().claim_code, lan().claim_code]


def test_a_claim_and_a_report_that_say_something_else_are_named(settled: World, damage: None) -> None:
    code = lan().claim_code
    claim = Claim.objects.get(claim_code=code, is_current=True)
    body = claim.body.replace(f"<T_BHTT>{claim.result.fund_amount}</T_BHTT>", "<T_BHTT>1.00</T_BHTT>", 1)
    assert body != claim.body
    Claim.objects.filter(pk=claim.pk).update(body=body)
    assert set(differing(settled)["claims"]) == {code}
    Claim.objects.filter(pk=claim.pk).update(body=claim.body)
    made = ReportRun.objects.get()
    row = made.values["rows"][made.values["refs"].index(code)]
    row[made.values["columns"].index("T_BHTT")] = "1.00"
    made.save()
    assert differing(settled) == {"report": [code]}
    with pytest.raises(CommandError, match="1 chỗ lệch"):
        call_command("reconcile", "--month", f"{MONTH:%Y-%m}", stdout=StringIO())


def test_a_charge_without_a_group_of_the_statement_is_named(settled: World, damage: None) -> None:
    charge = BenefitLine.objects.filter(result__visit=lan(), result__is_current=True)[0].charge
    Charge.objects.filter(pk=charge.pk).update(group_code="98")
    assert differing(settled)["statements"] == [lan().claim_code]


def test_an_invoice_that_says_other_than_its_receipts_is_named(settled: World, damage: None) -> None:
    seller = {"seller_name": "A", "seller_address": "B", "tax_code": "0199000002", "symbol": "C26TYY"}
    InvoiceProfile.objects.create(facility=settled.hospital.facility, valid_from=MONTH, **seller)
    made = aggregate_day(day=DAY, actor=settled.hospital.actor("cashier"), at=at(19))
    assert differing(settled) == {}
    Invoice.objects.filter(pk=made.pk).update(amount=F("amount") + 1)
    InvoiceEntry.objects.filter(entry=CashEntry.objects.first()).update(amount=1)
    found = differing(settled)["invoices"]
    assert CashEntry.objects.first().number in found
    assert f"hóa đơn {made.pk}" in found
