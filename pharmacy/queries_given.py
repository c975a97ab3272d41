"""What of a prescription was given, what came back, what will not be given, and what is still to be handed out.

A line's quantity is given in one or more parts. Open is what is neither given nor finally not given; what a patient
brought back is not open again unless somebody says so.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.core.dates import day_range, local
from patients.models import Prescription, PrescriptionLine, PrescriptionRefusal, PrescriptionSheet, Visit
from patients.series import is_series, next_paper, paper_on, portions
from patients.sheets import last_day
from pharmacy.models import Dispense, DispenseLine, NotGiven, PatientReturn, PatientReturnLine

_QUANTITY = DecimalField(max_digits=14, decimal_places=3)
ZERO = Decimal(0)
_NOTHING = Value(ZERO, output_field=_QUANTITY)


def _sum_of(rows: QuerySet[Any], by: str) -> Coalesce:
    """The sum of `quantity` of the rows of one outer row, zero without any; `by` leads to the outer row."""
    total = rows.filter(**{by: OuterRef("pk")}).order_by().values(by).annotate(total=Sum("quantity")).values("total")
    return Coalesce(Subquery(total, output_field=_QUANTITY), _NOTHING)


def with_returned(rows: QuerySet[DispenseLine]) -> QuerySet[Any]:
    """Rows with `came_back`: how much of each the patient brought back."""
    back = PatientReturnLine.objects.filter(patient_return__is_reversed=False)
    return rows.annotate(came_back=_sum_of(back, "dispense_line"))


def with_parts(rows: QuerySet[PrescriptionLine]) -> QuerySet[Any]:
    """Lines with `handed`, `dropped` (finally not given) and `open_quantity`."""
    given = DispenseLine.objects.filter(dispense__is_reversed=False)
    dropped = NotGiven.objects.filter(is_final=True, withdrawn_at__isnull=True)
    return rows.annotate(
        handed=_sum_of(given, "prescription_line"), dropped=_sum_of(dropped, "prescription_line")
    ).annotate(open_quantity=F("quantity") - F("handed") - F("dropped") + _came_back())


def _came_back() -> Coalesce:
    """What came back of a line stands among the dropped too (reason "returned"): given and dropped are one quantity."""
    back = PatientReturnLine.objects.filter(patient_return__is_reversed=False)
    return _sum_of(back, "dispense_line__prescription_line")


def still_open() -> Exists:
    """The condition of a prescription that something of it is still to be handed out."""
    lines = with_parts(PrescriptionLine.objects.filter(prescription=OuterRef("pk")))
    return Exists(lines.filter(open_quantity__gt=0))


def refused() -> Exists:
    """The condition of a prescription that the pharmacy sent it back and that this stands."""
    return Exists(PrescriptionRefusal.objects.filter(prescription=OuterRef("pk"), withdrawn_at__isnull=True))


@dataclass(frozen=True, slots=True)
class LineParts:
    """One line: prescribed, handed out, come back, finally not given; quantities in units of the drug.

    `closed` is what may not be handed out on the day that was asked for: of consecutive papers of narcotics each has
    its own days (`parts_on`).
    """

    line: PrescriptionLine
    handed: Decimal
    returned: Decimal
    dropped: Decimal
    closed: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        """What the patient has."""
        return self.handed - self.returned

    @property
    def open(self) -> Decimal:
        """What is still to be handed out, on the day that was asked for."""
        quantity: Decimal = self.line.quantity
        return quantity - self.net - self.dropped - self.closed

    @property
    def has_rest(self) -> bool:
        """Whether something is neither given nor left out, be it in its time or not."""
        return self.open + self.closed > 0


def parts_of(prescription: Prescription) -> list[LineParts]:
    """Every line of the prescription with its parts, in its order."""
    return _parts(prescription.lines.all())


def parts_on(prescription: Prescription, day: date) -> list[LineParts]:
    """As `parts_of`, with what may not be handed out on the day taken off where papers are consecutive.

    Of a narcotic on consecutive papers only the portion of the paper whose time it is is open, less what was given or
    dropped in its time; of the other drugs of such a prescription nothing after their own last day.
    """
    parts = parts_of(prescription)
    series = [sheet for sheet in prescription.sheets.all() if is_series(sheet)]
    if not series or prescription.signed_at is None:
        return parts
    signed_on = local(prescription.signed_at).date()
    paper, last = paper_on(series, day), last_day(signed_on)
    held = portions(paper, [part.line for part in parts], signed_on) if paper is not None else []
    most = {one.line.pk: one.quantity for one in held}
    settled = _settled_in(prescription, paper) if paper is not None else {}
    first = {sheet.pk for sheet in series}
    found = []
    for part in parts:
        if part.line.sheet_id in first:
            left = max(ZERO, most.get(part.line.pk, ZERO) - settled.get(part.line.pk, ZERO))
            found.append(replace(part, closed=part.open - min(part.open, left)))
        else:
            found.append(replace(part, closed=part.open if last is not None and day > last else ZERO))
    return found


def _settled_in(prescription: Prescription, paper: PrescriptionSheet) -> dict[int, Decimal]:
    """What of each line was given, less what came back, or finally left out in the days of a paper.

    What comes back belongs to the paper that it was given for, however late.
    """
    first, last = paper.valid_from, paper.valid_until
    assert first is not None  # a paper of a series has its days
    assert last is not None
    start, end = day_range(first)[0], day_range(last)[1]
    given = with_returned(
        DispenseLine.objects.for_facility(prescription.facility_id).filter(
            dispense__prescription=prescription,
            dispense__is_reversed=False,
            dispense__dispensed_at__gte=start,
            dispense__dispensed_at__lt=end,
        )
    )
    found: dict[int, Decimal] = {}
    for line_id, quantity, returned in given.values_list("prescription_line_id", "quantity", "came_back"):
        found[line_id] = found.get(line_id, ZERO) + quantity - returned
    dropped = (
        NotGiven.objects.for_facility(prescription.facility_id)
        .filter(
            prescription_line__prescription=prescription,
            is_final=True,
            withdrawn_at__isnull=True,
        )
        .annotate(since=Coalesce("patient_return__dispense__dispensed_at", "at"))
    )
    dropped = dropped.filter(since__gte=start, since__lt=end)
    for line_id, quantity in dropped.values_list("prescription_line_id", "quantity"):
        found[line_id] = found.get(line_id, ZERO) + quantity
    return found


def collected_until(prescription: Prescription, at: datetime) -> date | None:
    """The last day on which what is left may be collected, as it stands at the instant; None: no rule limits it.

    Of consecutive papers that of the one whose time it is, between two of them that of the next, afterwards that of
    the last; otherwise that of every paper of the prescription.
    """
    signed_on, day = local(prescription.signed_at or at).date(), local(at).date()
    series = [one for one in prescription.sheets.all() if is_series(one)]
    if not series:
        return last_day(signed_on)
    paper = paper_on(series, day) or next_paper(series, day) or max(series, key=lambda one: one.part)
    return paper.valid_until


def parts_of_all(facility: Facility, prescriptions: Collection[int]) -> list[LineParts]:
    """Every line of these prescriptions of the facility, by id, with its parts."""
    rows = PrescriptionLine.objects.for_facility(facility).filter(prescription__in=prescriptions)
    return _parts(rows.order_by("prescription", "position"))


def _parts(lines: QuerySet[PrescriptionLine]) -> list[LineParts]:
    rows = with_parts(lines.select_related("drug")).annotate(returned=_came_back())
    return [LineParts(row, row.handed, row.returned, row.dropped) for row in rows]


def last_dispenses(facility: Facility, prescriptions: Collection[int]) -> dict[int, datetime | None]:
    """When each of these was handed out last, None when it was only handed out and undone; absent: never handed out."""
    rows = Dispense.objects.for_facility(facility).filter(prescription__in=prescriptions)
    standing = Max("dispensed_at", filter=Q(is_reversed=False))
    return dict(rows.values_list("prescription_id").annotate(at=standing).order_by())


def dispenses_of(prescription: Prescription) -> list[Dispense]:
    """What was handed out of the prescription and not undone, oldest first."""
    rows = Dispense.objects.for_facility(prescription.facility_id).filter(prescription=prescription, is_reversed=False)
    return list(rows.select_related("document", "store", "dispensed_by", "witnessed_by").order_by("dispensed_at", "pk"))


def returns_of(facility: Facility, dispenses: Iterable[Dispense]) -> list[PatientReturn]:
    """What came back of these and was not undone, oldest first."""
    rows = PatientReturn.objects.for_facility(facility).filter(
        dispense__in=[one.pk for one in dispenses], is_reversed=False
    )
    return list(
        rows.select_related("document", "returned_by", "record")
        .prefetch_related("lines__dispense_line__lot__drug")
        .order_by("returned_at", "pk")
    )


def standing_refusal(prescription: Prescription) -> PrescriptionRefusal | None:
    """Why the pharmacy does not hand it out, when it sent it back."""
    rows = PrescriptionRefusal.objects.for_facility(prescription.facility_id).filter(
        prescription=prescription, withdrawn_at__isnull=True
    )
    return rows.select_related("by").first()  # type: ignore[no-any-return]


def net_given(visit: Visit) -> dict[tuple[int, int | None], Decimal]:
    """What the patient has of each line, by line and substitution (none: the prescribed drug); nothing is left out.

    The one place where billing and claims learn quantities of drugs.
    """
    rows = with_returned(
        DispenseLine.objects.for_facility(visit.facility_id).filter(
            dispense__prescription__visit=visit, dispense__is_reversed=False
        )
    ).values_list("prescription_line_id", "substitution_id", "quantity", "came_back")
    found: dict[tuple[int, int | None], Decimal] = {}
    for line_id, substitution_id, quantity, returned in rows:
        key = (line_id, substitution_id)
        found[key] = found.get(key, Decimal(0)) + quantity - returned
    return {key: quantity for key, quantity in found.items() if quantity > 0}
