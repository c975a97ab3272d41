"""Facts of the health registers: cases of infectious diseases, and patients under management.

Managed patients as of the end of a period follow from their last visit and readings (`patients.queries_care`), so
their facts are made in Python and not in the database; a month has some hundreds of them.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import BooleanField, DateField, ExpressionWrapper, F, Func, IntegerField, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from his.core.dates import age_years
from patients.models import DiseaseCase, ManagedPatient
from patients.queries_care import Followed, followed
from reports.datasets.base import Query
from reports.grid.facts import Columns, Facts
from reports.grid.placing import Fact
from reports.period import Period

_COUNTED_BY = {
    "detected": F("detected_on"),
    "onset": Coalesce(F("onset_on"), F("detected_on"), output_field=DateField()),
    "reported": TruncDate("reported_at"),
}
"""Which day of a case puts it into a month; `[keep] counted_by` of the form says so."""


def _cases(query: Query) -> QuerySet[DiseaseCase]:
    """Standing cases that were found, or whose person died, in the period."""
    period = query.period
    start, end = period.instants()
    day = _COUNTED_BY[query.keep.get("counted_by", "detected")]
    rows = DiseaseCase.objects.for_facility(query.facility).exclude(state=DiseaseCase.State.EXCLUDED)
    rows = rows.annotate(
        counted_on=day,
        is_found=_holds(Q(counted_on__gte=period.start, counted_on__lte=period.end)),
        is_dead=_holds(Q(died_at__isnull=False, died_at__gte=start, died_at__lt=end)),
    )
    return rows.filter(Q(is_found=True) | Q(is_dead=True))


def _holds(condition: Q) -> Coalesce:
    return Coalesce(ExpressionWrapper(condition, output_field=BooleanField()), False)


_CASE: Columns = {
    "disease": "disease",
    "disease_group": "group",
    "case_class": "case_class",
    "state": "state",
    "sex": "patient__sex",
    "ethnicity": "patient__ethnicity_code",
    "age": Func(
        F("detected_on"),
        F("patient__born_on"),
        template="EXTRACT(YEAR FROM age(%(expressions)s))::int",
        output_field=IntegerField(),
    ),
    "is_found": "is_found",
    "is_dead": "is_dead",
}

_MANAGED = (
    "disease",
    "sex",
    "age",
    "ethnicity",
    "is_managed",
    "is_enrolled",
    "is_new",
    "is_treated",
    "is_on_target",
    "is_lost",
    "is_transferred",
    "is_died",
    "is_ended",
)


def _managed(query: Query) -> QuerySet[ManagedPatient]:
    """Entries of the register that stood on a day of the period."""
    rows = ManagedPatient.objects.for_facility(query.facility).exclude(state=ManagedPatient.State.DECLINED)
    rows = rows.filter(enrolled_on__lte=query.period.end)
    return rows.filter(Q(ended_on__isnull=True) | Q(ended_on__gte=query.period.start)).select_related("patient")


class ManagedFacts(Facts):
    """One fact for each entry of the register, as of the end of the period."""

    def read(self, query: Query, fields: Sequence[str], measures: Sequence[str]) -> list[Fact]:
        """The entries with their fields; there are no measures."""
        rows = list(_managed(query).order_by("pk"))
        people = followed(query.facility, rows, query.period.end)
        return [self._fact(one, query.period, fields) for one in people]

    def _fact(self, one: Followed, period: Period, fields: Sequence[str]) -> Fact:
        values = _values(one, period)
        return (str(one.row.pk), *(values[name] for name in fields), 1)


def _values(one: Followed, period: Period) -> dict[str, Any]:
    row, patient = one.row, one.row.patient
    has_ended = row.ended_on is not None and row.ended_on <= period.end
    is_managed = not has_ended
    is_enrolled = _within(row.enrolled_on, period)
    return {
        "disease": row.disease,
        "sex": patient.sex,
        "age": age_years(patient.born_on, period.end),
        "ethnicity": patient.ethnicity_code,
        "is_managed": is_managed,
        "is_enrolled": is_enrolled,
        "is_new": is_enrolled and row.is_newly_found,
        "is_treated": one.seen is not None and _within(one.seen.on, period),
        "is_on_target": is_managed and bool(one.is_on_target),
        "is_lost": is_managed and one.is_lost,
        "is_transferred": has_ended and row.state == ManagedPatient.State.TRANSFERRED,
        "is_died": has_ended and row.state == ManagedPatient.State.DIED,
        "is_ended": has_ended and row.state == ManagedPatient.State.ENDED,
    }


def _within(day: date, period: Period) -> bool:
    return period.start <= day <= period.end


HEALTH_FACTS: dict[str, Facts] = {
    "cases": Facts(_CASE, {}, _cases, "visit__claim_code"),
    "managed": ManagedFacts(dict.fromkeys(_MANAGED, ""), {}, _managed, "pk", opens="managed"),
}
