"""Drugs: what left the shelf is what was handed out, and that less what came back is what is charged."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from his.core.money import ZERO
from insurance.models import Charge
from patients.models import Visit
from pharmacy.models import DispenseLine, PatientReturnLine, StockMovement
from reports.reconcile.base import Check, Scope

LINE, OTHER = Charge.SourceKind.PRESCRIPTION_LINE, Charge.SourceKind.SUBSTITUTION


def shelf_and_window(scope: Scope) -> Check:
    """Every paper of the window moved each lot by what it says; an undone one moved nothing in the end."""
    check = Check("shelf", "Thuốc ra khỏi kho, trả về kho bằng thuốc đã cấp, đã nhận lại, từng lô")
    for found in (
        _papers(scope, DispenseLine, "dispense", -1, "dispense__prescription__visit"),
        _papers(scope, PatientReturnLine, "patient_return", 1, "patient_return__dispense__prescription__visit"),
    ):
        check.compared += len(found)
        for (number, lot), (said, moved) in sorted(found.items()):
            if said != moved:
                check.differs(number, f"lô {lot}: phiếu ghi", said, moved)
    return check


def _papers(
    scope: Scope, model: type[Any], paper: str, sign: int, visit: str
) -> Mapping[tuple[str, str], tuple[Decimal, Decimal]]:
    """By paper and lot: what it says, signed, and what the ledger holds of it and of the paper that undid it."""
    lot = "lot" if model is DispenseLine else "dispense_line__lot"
    rows = model.objects.for_facility(scope.facility).filter(**{f"{visit}__in": scope.visits()})
    said: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    names = (f"{paper}__document__number", f"{lot}__number", f"{paper}__is_reversed")
    for number, name, is_undone, total in rows.values_list(*names).annotate(total=Sum("quantity")).order_by():
        said[number, name] += ZERO if is_undone else sign * total
    papers = rows.values(f"{paper}__document_id")
    ledger = StockMovement.objects.for_facility(scope.facility).annotate(
        paper=Coalesce(F("line__document__reverses_id"), F("line__document_id")),
        number=Coalesce(F("line__document__reverses__number"), F("line__document__number")),
    )
    moved: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    sums = ledger.filter(paper__in=papers).values_list("number", "lot__number")
    for number, name, total in sums.annotate(total=Sum("quantity")).order_by():
        moved[number, name] = total
    return {key: (said.get(key, ZERO), moved.get(key, ZERO)) for key in {*said, *moved}}


def given_and_charged(scope: Scope) -> Check:
    """The drugs that a closed visit is charged are those that the patient has, product by product."""
    check = Check("drugs", "Thuốc tính tiền bằng thuốc người bệnh đã nhận trừ trả lại")
    visits = scope.visits().filter(state=Visit.State.CLOSED)
    given = DispenseLine.objects.for_facility(scope.facility).filter(
        dispense__prescription__visit__in=visits, dispense__is_reversed=False
    )
    back = PatientReturnLine.objects.for_facility(scope.facility).filter(
        dispense_line__in=given, patient_return__is_reversed=False
    )
    has: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    for key, quantity in _by_source(given, "dispense__", ""):
        has[key] += quantity
    for key, quantity in _by_source(back, "dispense_line__dispense__", "dispense_line__"):
        has[key] -= quantity
    charges = Charge.objects.for_facility(scope.facility).filter(
        visit__in=visits, cancelled_at__isnull=True, source_kind__in=[LINE, OTHER]
    )
    charged: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    for code, kind, pk, quantity in charges.values_list("visit__claim_code", "source_kind", "source_id", "quantity"):
        charged[code, kind, pk] += quantity
    keys = {*has, *charged}
    check.compared = len(keys)
    for key in sorted(keys):
        if has.get(key, ZERO) != charged.get(key, ZERO):
            check.differs(key[0], "số lượng thuốc đã nhận và tính tiền", has.get(key, ZERO), charged.get(key, ZERO))
    return check


def _by_source(rows: Any, dispense: str, line: str) -> Iterable[tuple[tuple[str, str, int], Decimal]]:
    names = (
        f"{dispense}prescription__visit__claim_code",
        f"{line}prescription_line_id",
        f"{line}substitution_id",
        "quantity",
    )
    for code, line_id, substitution_id, quantity in rows.values_list(*names):
        source = (OTHER, substitution_id) if substitution_id is not None else (LINE, line_id)
        yield (code, str(source[0]), source[1]), quantity
