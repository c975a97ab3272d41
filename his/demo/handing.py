"""The dispensing window of the demonstration: nearly all prescriptions as they are, a few in part, with another
product, or with drugs that come back before the visit is closed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from his.accounts.actor import Actor
from his.core.dates import local
from patients.models import Prescription, PrescriptionLine
from pharmacy.handout import LineChoice, ReturnedLine
from pharmacy.models import Dispense, DispenseLine, NotGiven, Store
from pharmacy.queries import usable_lots
from pharmacy.queries_given import with_returned
from pharmacy.services.dispensing import dispense
from pharmacy.services.returning import return_drugs

_EVERY, _IN_PART, _COMES_BACK = 40, 5, 7
"""Of so many visits one leaves a drug that the patient has at home, and one brings a drug back at once."""
_SWAPS = 3
"""One of so many prescriptions of a drug with another product is given the other one."""


def hand_out(
    *, prescription: Prescription, store: Store, others: dict[str, str], actor: Actor, at: datetime
) -> Iterator[datetime]:
    """Hand out one prescription; yields the instant of a further step. `others` are other products by drug code."""
    number = int(prescription.visit.claim_code[-6:])
    lines = list(prescription.lines.select_related("drug"))
    done = dispense(
        prescription=prescription,
        store=store,
        choices=_choices(prescription, lines, number, store, others, at),
        actor=actor,
        at=at,
    )
    if number % _EVERY == _COMES_BACK and len(lines) > 1:
        at += timedelta(minutes=1)
        yield at
        last = done.lines.filter(prescription_line=lines[-1])
        bring_back(rows=last, dispense=done, reason="Nổi mẩn khi dùng loại này", actor=actor, at=at)


def _choices(
    prescription: Prescription,
    lines: list[PrescriptionLine],
    number: int,
    store: Store,
    others: dict[str, str],
    at: datetime,
) -> list[LineChoice]:
    if number % _EVERY == _IN_PART and len(lines) > 1:
        return [LineChoice(lines[-1].pk, Decimal(0), reason=NotGiven.Reason.HAS_IT)]
    if number % _SWAPS:
        return []
    return [
        LineChoice(
            line.pk,
            line.quantity,
            drug_code=others[line.drug.code],
            agreed_by=prescription.visit.patient.full_name,
        )
        for line in lines
        if line.drug.code in others and _has(store, others[line.drug.code], line, at)
    ]


def _has(store: Store, code: str, line: PrescriptionLine, at: datetime) -> bool:
    rows = usable_lots(store, [code], local(at).date())
    return sum(row.on_hand - row.reserved for row in rows) >= line.quantity


def bring_back_all(*, dispense: Dispense, reason: str, actor: Actor, at: datetime) -> None:
    """Everything of a dispense that the patient still has comes back intact."""
    bring_back(rows=dispense.lines.all(), dispense=dispense, reason=reason, actor=actor, at=at)


def bring_back(*, rows: QuerySet[DispenseLine], dispense: Dispense, reason: str, actor: Actor, at: datetime) -> None:
    """What the patient still has of these lots comes back intact."""
    lines = [
        ReturnedLine(row.pk, row.quantity - row.came_back)
        for row in with_returned(rows).order_by("pk")
        if row.quantity > row.came_back
    ]
    return_drugs(dispense=dispense, lines=lines, reason=reason, actor=actor, at=at)
