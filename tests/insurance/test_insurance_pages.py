"""Who opens which page of the package, and that nothing of another facility is found."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from insurance.billing.fee_waivers import Reason, grant_waiver
from insurance.billing.invoices.services import Buyer, issue_invoice
from insurance.claims.jobs import start_build
from insurance.claims.services import build_claim
from insurance.claims.waivers import Grounds, waive_finding
from insurance.models import (
    BankAccount,
    BenefitResult,
    CashEntry,
    CashSession,
    Finding,
    InvoiceProfile,
    RefundRequest,
    SelfPayChoice,
    TransferOrder,
)
from insurance.printing import urls as papers
from insurance.urls import urlpatterns
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(time_machine) -> None:
    time_machine.move_to(at(14), tick=False)


def _invoice(step: walk.Walk) -> int:
    """An invoice for the visit."""
    seller = {"seller_name": "A", "seller_address": "B", "tax_code": "0199000002", "symbol": "C26TYY"}
    InvoiceProfile.objects.create(facility=step.place.facility, valid_from=date(2026, 1, 1), **seller)
    buyer = Buyer(buyer_name="Lan")
    return issue_invoice(visit=step.visit, buyer=buyer, actor=step.place.actor("cashier"), at=at(18)).pk


def _ids(step: walk.Walk) -> dict[str, int]:
    entry, session, officer = CashEntry.objects.get(), CashSession.objects.get(), step.place.actor("claims")
    claim = build_claim(visit=step.visit, actor=officer, at=at(18))
    words = {"rule": "test.rule", "severity": "blocking", "table": "XML1", "field": "HO_TEN", "message": "Thử"}
    finding = Finding.objects.create(facility=claim.facility, claim=claim, key="k", row=1, **words)
    waiver = waive_finding(finding=finding, grounds=Grounds("agreed", "Đã xem"), actor=officer, at=at(18))
    job = start_build(month=walk.MONTH, actor=officer, at=at(18))
    manager, poor = step.place.actor("manager"), Reason("hardship", "Thử")
    waived = grant_waiver(visit=step.visit, amount=Decimal(1), reason=poor, actor=manager, at=at(18))
    choice = SelfPayChoice.objects.create(
        facility=claim.facility,
        visit=step.visit,
        source_kind="order",
        source_id=1,
        name="x",
        reason="x",
        at=at(9),
        by=manager.user,
    )
    asked = RefundRequest.objects.create(
        facility=claim.facility, entry=entry, amount=1, reason="x", asked_by=manager.user, asked_at=at(9)
    )
    account = BankAccount.objects.create(facility=claim.facility, bank_bin="970415", number="1", valid_from=walk.MONTH)
    order = TransferOrder.objects.create(
        facility=claim.facility,
        visit=step.visit,
        account=account,
        purpose="receipt",
        code="VP1",
        amount=1,
        payload="x",
        at=at(9),
        by=manager.user,
    )
    names = ("cashier-visit", "cashier-checks", "cashier-close", "cashier-collect", "cashier-reopen")
    names += ("cashier-deposit", "cashier-use", "cashier-transfer")
    ids = dict.fromkeys((*names, "fee-waiver-grant", "self-pay-choose"), step.visit.pk)
    ids |= dict.fromkeys(("claims-build", "claims-xml", "claims-compare"), step.visit.pk)
    return ids | {
        "claims-job": job.pk,
        "claims-zip": job.pk,
        "claims-waive": finding.pk,
        "claims-revoke": waiver.pk,
        "fee-waiver-cancel": waived.pk,
        "self-pay-withdraw": choice.pk,
        "cashier-refund": entry.pk,
        "cashier-refund-ask": entry.pk,
        "cashier-refund-pay": asked.pk,
        "cashier-void": entry.pk,
        "cashier-transfer-qr": order.pk,
        "cash-refund-decide": asked.pk,
        "cash-handover-receive": session.pk,
        "cashier-session-count": session.pk,
        "cashier-session-close": session.pk,
        "receipt-pdf": entry.pk,
        "receipt-roll-pdf": entry.pk,
        "cashier-filed": step.visit.pk,
        "statement-pdf": step.visit.pk,
        "settlement-pdf": step.visit.pk,
        "invoice-visit": step.visit.pk,
        **dict.fromkeys(
            ("invoice", "invoice-correct", "invoice-notify", "invoice-mend", "invoice-xml"), _invoice(step)
        ),
        "cash-session-pdf": session.pk,
        "cash-session-roll-pdf": session.pk,
    }


def test_nothing_of_another_facility_is_found(world: World) -> None:
    """Every address of the package with an id, by every account that could open its own."""
    step = walk.lan_full(world, world.hospital)
    step.settled()
    ids = _ids(step)
    named = [p.name for p in [*urlpatterns, *papers.urlpatterns] if "<int:" in str(p.pattern)]
    assert sorted(named) == sorted(ids)
    before = (CashEntry.objects.count(), BenefitResult.objects.count())
    form = {"amount": "1", "reason": "Thử", "idempotency_key": "k", "method": "cash"}
    for key in ("cashier", "claims", "manager"):
        client = signed_in(world.station, key)
        for name in named:
            url = reverse(name, args=[ids[name]])
            answers = {client.get(url).status_code, client.post(url, form).status_code}
            assert answers <= {404, 405, 403}, (key, name, answers)
            if key == "cashier" and name.startswith("cashier") and name != "cashier-reopen":
                assert 404 in answers, name
    shown = signed_in(world.station, "claims").get(reverse("claims"), {"visit": step.visit.pk})
    assert shown.status_code == 404
    assert (CashEntry.objects.count(), BenefitResult.objects.count()) == before
    other = signed_in(world.station)
    for name in ("cashier", "cashier-debts", "cashier-receipts"):
        assert "Nguyễn Thị Lan" not in other.get(reverse(name)).content.decode()
    assert other.post(reverse("cashier-find"), {"text": step.visit.claim_code}).status_code == 422


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("reception", {"cashier", "cashier-list", "cashier-receipts", "cashier-debts"}),
        ("cashier", {"cashier", "cashier-list", "cashier-receipts", "cashier-debts", "cashier-session"}),
        ("claims", {"cashier", "cashier-list", "cashier-receipts", "cashier-debts", "claims"}),
        ("doctor", set()),
        ("pharmacist", set()),
        ("admin", set()),
    ],
)
def test_who_may_open_which_page(world: World, key: str, allowed: set[str]) -> None:
    client = signed_in(world.hospital, key)
    names = ("cashier", "cashier-list", "cashier-receipts", "cashier-debts", "cashier-session", "claims")
    assert {name for name in names if client.get(reverse(name)).status_code == 200} == allowed
    assert {client.get(reverse(name)).status_code for name in set(names) - allowed} <= {403}
    if "cashier-session" not in allowed:
        for name in ("cashier-find", "claims-build-month", "claims-export"):
            if (name == "cashier-find" and "cashier" in allowed) or key == "claims":
                continue
            assert client.post(reverse(name), {"month": "2026-10"}).status_code == 403


def test_a_visitor_is_sent_to_the_sign_in(world: World) -> None:
    answer = Client().get(reverse("cashier"))
    assert answer.headers["Location"].startswith("/accounts/login/")
