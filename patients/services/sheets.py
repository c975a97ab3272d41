"""The papers of a prescription, made when it is signed (mã đơn thuốc, TT 26/2025/TT-BYT)."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from his.core.dates import local
from patients.models import Prescription, PrescriptionLine, PrescriptionSheet
from patients.sheets import Part, SheetRule, kind_of, new_code, rules_on

TRIES = 5
"""How often a code that is taken is drawn anew; one in 78 thousand million is."""


def make_sheets(
    *, prescription: Prescription, lines: Sequence[PrescriptionLine], at: datetime
) -> list[PrescriptionSheet]:
    """Make the papers of these lines, each with its code; a part of signing, in its transaction.

    Narcotics for more days than one paper holds get consecutive ones. Afterwards every line of `lines` names its sheet,
    of several the first; who calls stores the lines.
    """
    signed_on = local(at).date()
    rules = rules_on(signed_on)
    by_kind: dict[str, list[PrescriptionLine]] = {}
    for line in lines:
        kind = kind_of(rules, control_class=line.drug.control_class, item_kind=line.drug.kind)
        by_kind.setdefault(kind, []).append(line)
    sheets = []
    for kind, rule in rules.items():
        if kind in by_kind:
            parts = rule.parts(signed_on, max(line.days for line in by_kind[kind]))
            made = [_sheet(prescription, rule, at, part if len(parts) > 1 else None) for part in parts]
            sheets += made
            for line in by_kind[kind]:
                line.sheet = made[0]
    return sheets


def _sheet(prescription: Prescription, rule: SheetRule, at: datetime, part: Part | None) -> PrescriptionSheet:
    """A new sheet under a code that no other of the facility has."""
    facility = prescription.facility
    for left in reversed(range(TRIES)):
        sheet = PrescriptionSheet(
            facility=facility,
            prescription=prescription,
            kind=rule.kind,
            code=new_code(facility.prescribing_code, rule.kind),
            valid_until=rule.valid_until(local(at).date()),
        )
        if part is not None:
            sheet.part, sheet.first_day, sheet.last_day = part.number, part.first_day, part.last_day
            sheet.valid_from, sheet.valid_until = part.valid_from, part.valid_until
        try:
            with transaction.atomic():
                sheet.save(force_insert=True)
        except IntegrityError:
            if not left:
                raise
        else:
            return sheet
    raise AssertionError("unreachable")
