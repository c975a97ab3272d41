"""Facts of the wards: every bed stay, what it began and ended with in a period, and its days of treatment.

A stay that was taken back is none, and so is one of a cancelled visit. A person lies in a bed until the next bed of the
visit begins: who comes back for the next day of day treatment (04) was under treatment in between and is one admission.
Bed after bed in one department is no move. Of a period that is not over everything is told as of `Query.as_of`.

Days of treatment are counted by one rule (statistics, not the paid bed days of TT 39/2018): one for each midnight that
somebody lies in a bed, and one for a day on which somebody came after midnight and left before the next.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest, Least, Left, NullIf, TruncDate

from his.accounts.models import Facility
from insurance.claims.visit_facts import INPATIENT_TYPES
from patients.models import BedStay, Visit
from patients.services.outcomes import TRANSFERS
from patients.wards import DAY_TREATMENT
from reports.datasets.base import Query
from reports.grid.facts import Facts, last_exam, of_visit

ADMITTED, MOVED, HOME, TRANSFER, DIED = "admitted", "moved", "home", "transfer", "died"
_DEAD = "5"
"""KET_QUA_DTRI of a death (QĐ 824/QĐ-BYT)."""
_EARLY = timedelta(hours=24)


def stays_between(facility: Facility, start: datetime, end: datetime) -> QuerySet[BedStay]:
    """The stays of a facility that touch [start, end), with `was_here`, `is_here`, `entry_kind` and `exit_kind`.

    `was_here`: lying at `start`, `is_here`: at `end`. `entry_kind` within the span: admitted, moved (from another
    department) or empty; `exit_kind`: moved, home, transfer, died or empty. So of every department and of any visits
    was_here + admitted + moved in = moved out + home + transfer + died + is_here.
    """
    own = BedStay.objects.filter(visit=OuterRef("visit"), voided_at__isnull=True)
    later = own.filter(started_at__gt=OuterRef("started_at")).order_by("started_at", "pk")
    former = own.filter(started_at__lt=OuterRef("started_at")).order_by("-started_at", "-pk")
    near = Q(ended_at__isnull=True) | Q(ended_at__gte=start) | Q(visit__visit_type=DAY_TREATMENT)
    rows: QuerySet[BedStay] = BedStay.objects.for_facility(facility).filter(
        near, voided_at__isnull=True, started_at__lt=end
    )
    rows = rows.exclude(visit__state=Visit.State.CANCELLED).annotate(
        next_at=Subquery(later.values("started_at")[:1]),
        next_ward=Subquery(later.values("department")[:1]),
        former_ward=Subquery(former.values("department")[:1]),
        until=Coalesce(F("next_at"), F("ended_at")),
    )
    begins, ends = Q(started_at__gte=start), Q(until__gte=start, until__lt=end)
    last_outcome, last_result = last_exam("visit__pk", "outcome"), last_exam("visit__pk", "treatment_result_code")
    return rows.filter(Q(until__isnull=True) | Q(until__gte=start)).annotate(
        last_outcome=last_outcome,
        last_result=last_result,
        was_here=_holds(Q(started_at__lt=start)),
        is_here=_holds(Q(until__isnull=True) | Q(until__gte=end)),
        entry_kind=Case(
            When(begins & Q(former_ward__isnull=True), then=Value(ADMITTED)),
            When(begins & ~Q(former_ward=F("department")), then=Value(MOVED)),
            default=Value(""),
            output_field=CharField(),
        ),
        exit_kind=Case(
            When(~ends | Q(until__isnull=True), then=Value("")),
            When(next_at__isnull=False, next_ward=F("department"), then=Value("")),
            When(next_at__isnull=False, then=Value(MOVED)),
            When(last_result=_DEAD, then=Value(DIED)),
            When(last_outcome__in=sorted(TRANSFERS), then=Value(TRANSFER)),
            default=Value(HOME),
            output_field=CharField(),
        ),
    )


def _stays(query: Query) -> QuerySet[BedStay]:
    """The stays of the period with their days in it, and of the last of a visit the days of all of them."""
    start, end = query.window()
    return stays_between(query.facility, start, end).annotate(
        left_on=TruncDate("ended_at"),
        days_within=_days_within(start, end),
        days_of_visit=Case(
            When(exit_kind__in=[HOME, TRANSFER, DIED], then=_days_of_visit()),
            default=Value(0),
            output_field=IntegerField(),
        ),
        admitted_at=Subquery(
            BedStay.objects.filter(visit=OuterRef("visit"), voided_at__isnull=True)
            .order_by("started_at", "pk")
            .values("started_at")[:1]
        ),
    )


def _without_bed(query: Query) -> list[str]:
    """Inpatient visits that ended in the period and have no bed: they are in no figure of the wards."""
    start, end = query.window()
    lying = BedStay.objects.filter(visit=OuterRef("pk"), voided_at__isnull=True)
    rows = Visit.objects.for_facility(query.facility).filter(
        ~Exists(lying),
        visit_type__in=INPATIENT_TYPES,
        ended_at__gte=start,
        ended_at__lt=end,
        state__in=(Visit.State.EXAMINED, Visit.State.CLOSED),
    )
    return list(rows.order_by("claim_code").values_list("claim_code", flat=True))


def _nights(from_: Any, to: Any) -> Func:
    """Midnights after one instant up to another: the difference of their local days."""
    return Func(
        TruncDate(to),
        TruncDate(from_),
        template="GREATEST(0, %(expressions)s)",
        arg_joiner=" - ",
        output_field=IntegerField(),
    )


def _days_within(start: datetime, end: datetime) -> Combinable:
    """Days of treatment of a stay in [start, end): midnights, and a day that came and went without one."""
    nights = _nights(Greatest(F("started_at"), Value(start)), Least(Coalesce(F("ended_at"), Value(end)), Value(end)))
    own = BedStay.objects.filter(visit=OuterRef("visit"), voided_at__isnull=True)
    over_midnight = own.filter(started_at__date__lt=OuterRef("left_on"), ended_at__date__gte=OuterRef("left_on"))
    later_that_day = own.filter(started_at__gt=OuterRef("started_at"), started_at__date=OuterRef("left_on"))
    is_day = Q(ended_at__gte=start, ended_at__lt=end) & ~Exists(over_midnight) & ~Exists(later_that_day)
    return nights + Case(When(is_day, then=Value(1)), default=Value(0), output_field=IntegerField())


def _days_of_visit() -> Combinable:
    """All days of treatment of a visit that has left: its midnights; without any, its days."""
    own = BedStay.objects.filter(visit=OuterRef("visit"), voided_at__isnull=True).order_by().values("visit")
    nights = Subquery(own.annotate(n=Sum(_nights(F("started_at"), F("ended_at")))).values("n"))
    days = Subquery(own.annotate(n=Count(TruncDate("started_at"), distinct=True)).values("n"))
    without = Case(When(visit__visit_type=DAY_TREATMENT, then=days), default=Value(1), output_field=IntegerField())
    return Coalesce(NullIf(nights, Value(0), output_field=IntegerField()), without)


def _holds(condition: Q) -> ExpressionWrapper:
    return ExpressionWrapper(condition, output_field=BooleanField())


WARD_FACTS: dict[str, Facts] = {
    "stays": Facts(
        {
            **of_visit("visit__"),
            "ward": "department__code",
            "ward_name": "department__name",
            "bed_kind": Left("bed_code", 1),
            "was_here": "was_here",
            "is_here": "is_here",
            "entry": "entry_kind",
            "exit": "exit_kind",
            "is_early": _holds(Q(until__lte=F("admitted_at") + Value(_EARLY))),
        },
        {"days": "days_within", "whole_days": "days_of_visit"},
        _stays,
        "visit__claim_code",
        flags={"no_bed": _without_bed},
    ),
}
