"""Where facts come from: closed sets by name, each read once for a facility and a period.

Visits are facts with a reference (the claim code), so that a run can keep them and every figure names them. Lines of
stored splits, examinations and services are many: they are summed in the database, and a run keeps which split of which
visit, or which row, it read. Splits and their lines are never changed, nor is what was signed or performed deleted, so
both tell of a run what it counted, however late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
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
from django.db.models.functions import Coalesce, Concat, ExtractHour, Left, Trim, TruncDate

from insurance.billing.effects import EFFECTS, signed
from insurance.claims.inclusion import LEFT_OUT
from insurance.claims.visit_facts import INPATIENT_TYPES
from insurance.models import BenefitLine, BenefitResult, CashEntry
from patients.models import Exam, ServiceOrder, Visit, VisitDiagnosis
from reports.datasets.base import Query
from reports.grid.placing import Fact
from reports.lists.codes import old_codes
from reports.lists.parts import ORIGINS, ROUTES, origin_of, route_of

Columns = Mapping[str, Combinable | str]


def _holds(condition: Q) -> ExpressionWrapper:
    return ExpressionWrapper(condition, output_field=BooleanField())


def _age(at: str, born: str) -> Func:
    """Full years on the local day."""
    template = "EXTRACT(YEAR FROM age(%(expressions)s))::int"
    return Func(TruncDate(at), F(born), template=template, output_field=IntegerField())


def _diagnosis(visit: str, *order: str, **kept: Any) -> Coalesce:
    rows = VisitDiagnosis.objects.filter(visit_id=OuterRef(visit), **kept).order_by(*order)
    return Coalesce(Subquery(rows.values("code")[:1]), Value(""))


def last_exam(visit: str, field: str) -> Coalesce:
    """A field of the last exam of a visit; `visit` leads from the row to its key."""
    rows = Exam.objects.filter(visit_id=OuterRef(visit)).order_by("-started_at", "-pk")
    return Coalesce(Subquery(rows.values(field)[:1]), Value(""), output_field=CharField())


def of_visit(to: str) -> dict[str, Combinable | str]:
    """What is known of a visit; `to` leads from the row to it ("" or "visit__")."""
    pk = f"{to}pk"
    main = _diagnosis(pk, "-is_main", "-exam_id", "position")
    return {
        "visit_type": f"{to}visit_type",
        "is_inpatient": _holds(Q(**{f"{to}visit_type__in": INPATIENT_TYPES})),
        "is_insured": f"{to}is_insured",
        "sex": f"{to}patient__sex",
        "age": _age(f"{to}arrived_at", f"{to}patient__born_on"),
        "ethnicity": f"{to}patient__ethnicity_code",
        "occupation": f"{to}patient__occupation_code",
        "patient": f"{to}patient__code",
        "route": f"{to}route",
        "injury": f"{to}injury_code",
        "is_priority": f"{to}priority",
        "state": f"{to}state",
        "is_closed": _holds(Q(**{f"{to}state": Visit.State.CLOSED})),
        "room": f"{to}room__code",
        "room_name": f"{to}room__name",
        "department": f"{to}department__code",
        "department_name": f"{to}department__name",
        "icd": main,
        "icd3": Left(main, 3),
        "external_icd": _diagnosis(pk, "-exam_id", "position", code__regex=r"^[V-Y]"),
        "outcome": last_exam(pk, "outcome"),
        "result": last_exam(pk, "treatment_result_code"),
        "day": TruncDate(f"{to}ended_at"),
        "hour": ExtractHour(f"{to}arrived_at"),
    }


@dataclass(frozen=True, slots=True)
class Facts:
    """One set of facts. `rows` are the visits, or what else has a reference, of a query."""

    columns: Columns
    measures: Columns
    rows: Callable[[Query], QuerySet[Any]]
    ref: str
    kept: str = ""
    """The field whose values a run keeps of facts that are summed in the database: the split, or the row itself."""
    opens: str = "visits"
    """What a reference is of: a visit (its claim code), or `managed`: an entry of the register of managed patients."""
    flags: Mapping[str, Callable[[Query], list[str]]] = field(default_factory=dict)
    """What the checks of a form may ask: the references that it is true of."""

    def read(self, query: Query, fields: Sequence[str], measures: Sequence[str]) -> list[Fact]:
        """All facts of a query: reference, fields, measures, and how many they are. Of sums the reference is empty."""
        rows = self._asked(query)
        if not self.kept:
            return self._each(rows, fields, measures)
        grouped = self._named(rows, fields).values(*(f"f_{name}" for name in fields))
        sums = {f"sum_{name}": Sum(self.measures[name]) for name in measures}
        found = grouped.annotate(fact_count=Count("pk"), **sums).order_by()
        return [("", *row) for row in found.values_list(*(f"f_{n}" for n in fields), *sums, "fact_count")]

    def stamps(self, query: Query) -> list[list[Any]]:
        """Of sums: the reference and what is kept of each row that was read."""
        rows = self._asked(query).order_by(self.kept).distinct(self.kept)
        return [list(row) for row in rows.values_list(self.ref, self.kept)]

    def detail(self, kept: Iterable[int], query: Query, fields: Sequence[str], measures: Sequence[str]) -> list[Fact]:
        """Of sums: the facts of what a run kept, each with its reference."""
        rows = self.rows(query).model.objects.filter(**{f"{self.kept}__in": list(kept), self.owner: query.facility})
        return self._each(rows, fields, measures)

    def _asked(self, query: Query) -> QuerySet[Any]:
        rows = self.rows(query)
        return rows if query.only is None else rows.filter(**{f"{self.ref}__in": query.only})

    @property
    def owner(self) -> str:
        """The way from a row to its facility."""
        return "result__facility" if self.kept == "result_id" else "facility"

    def _each(self, rows: QuerySet[Any], fields: Sequence[str], measures: Sequence[str]) -> list[Fact]:
        names = [*fields, *measures]
        found = self._named(rows, names).order_by(self.ref)
        listed = found.values_list(self.ref, *(f"f_{name}" for name in names)).iterator(chunk_size=5000)
        return [(*row, 1) for row in listed]

    def _named(self, rows: QuerySet[Any], names: Sequence[str]) -> QuerySet[Any]:
        known = {**self.columns, **self.measures}
        return rows.annotate(**{f"f_{name}": _expression(known[name]) for name in names})


def _expression(given: Combinable | str) -> Combinable:
    return F(given) if isinstance(given, str) else given


def _with_split(rows: Callable[[Query], QuerySet[Any]]) -> Callable[[Query], QuerySet[Any]]:
    """The same visits with their split in force, where they have one."""

    def read(query: Query) -> QuerySet[Any]:
        # made anew each time: a query changes the relation that it is given
        split = FilteredRelation("benefit_results", condition=Q(benefit_results__is_current=True))
        return rows(query).annotate(split=split)

    return read


def _ended(query: Query) -> QuerySet[Visit]:
    """Visits that ended in the period, whether their costs are settled or not; cancelled ones are none."""
    start, end = query.period.instants()
    rows = Visit.objects.for_facility(query.facility).filter(ended_at__gte=start, ended_at__lt=end)
    return rows.filter(state__in=(Visit.State.EXAMINED, Visit.State.CLOSED))


def _arrived(query: Query) -> QuerySet[Visit]:
    """Visits that began in the period; cancelled ones are none."""
    start, end = query.period.instants()
    rows = Visit.objects.for_facility(query.facility).filter(arrived_at__gte=start, arrived_at__lt=end)
    return rows.exclude(state=Visit.State.CANCELLED)


def _lines(query: Query) -> QuerySet[BenefitLine]:
    """Lines of the splits in force of visits whose costs were settled for the months of the period."""
    return BenefitLine.objects.filter(
        result__facility=query.facility,
        result__is_current=True,
        result__visit__state=Visit.State.CLOSED,
        result__visit__claim_month__gte=query.period.start,
        result__visit__claim_month__lte=query.period.end,
    )


def claimed_lines(query: Query) -> QuerySet[BenefitLine]:
    """Those of `lines` whose visit makes a claim: the same as form 01/BH."""
    left_out = BenefitResult.objects.for_facility(query.facility).filter(LEFT_OUT, is_current=True)
    return _lines(query).exclude(result__in=left_out.values("pk"))


def _stay_days() -> Case:
    """Days of an inpatient stay (SO_NGAY_DTRI, QĐ 4750: last less first day plus one), with the first line of a visit;
    the same that `insurance.claims.visit_facts.treatment_days` says of these types. Of others zero."""
    days = Func(
        TruncDate("result__visit__ended_at"),
        TruncDate("result__visit__arrived_at"),
        template="(%(expressions)s + 1)",
        arg_joiner=" - ",
        output_field=IntegerField(),
    )
    first = Q(position=1, result__visit__visit_type__in=("03", "04"))
    return Case(When(first, then=days), default=Value(0), output_field=IntegerField())


_OLD_CODES = old_codes(date.max)
"""The mappings that have no end."""
_LINE: Columns = {
    **of_visit("result__visit__"),
    "is_first": _holds(Q(position=1)),
    "card_group": Coalesce(Left("result__visit__card__number", 2), Value("")),
    "origin": origin_of("result__visit__", F("result__facility__code"), ORIGINS, CharField),
    "referral": route_of(
        "result__visit__", "result__entitlement_code", F("result__facility__code"), _OLD_CODES, ROUTES, CharField
    ),
    "group": "charge__group_code",
    "kind": "charge__line_kind",
    "code": "charge__code",
    "name": "charge__name",
    "unit": "charge__unit",
    "scope": "charge__scope_code",
    "hospital_price": "charge__hospital_price",
    "insured_price": "charge__insured_price",
    "rate": "payment_rate",
    "service_rate": "service_rate",
    "entitlement": "result__entitlement_code",
}
_LINE_MEASURES: Columns = {
    "stay_days": _stay_days(),
    "quantity": "charge__quantity",
    **{
        name: name
        for name in (
            "hospital_amount",
            "insured_amount",
            "fund_amount",
            "copay_amount",
            "self_paid_amount",
            "other_amount",
        )
    },
}
_MONEY: Columns = {
    name: Coalesce(F(f"split__{name}"), Value(Decimal(0)), output_field=DecimalField(max_digits=17, decimal_places=2))
    for name in (
        "total_hospital_amount",
        "total_insured_amount",
        "fund_amount",
        "copay_amount",
        "self_paid_amount",
        "other_amount",
        "waived_amount",
    )
}
_SETTLED: Columns = {
    "entitlement": Coalesce(F("split__entitlement_code"), Value("")),
    "is_claimed": Exists(
        BenefitResult.objects.filter(visit_id=OuterRef("pk"), is_current=True, visit__state=Visit.State.CLOSED).exclude(
            LEFT_OUT
        )
    ),
    "registered_facility": Coalesce(F("card__registered_facility_code"), Value("")),
}


def _settled(query: Query) -> QuerySet[Visit]:
    """Visits whose costs were settled for the months of the period: those that form 01/BH looks at."""
    rows = Visit.objects.for_facility(query.facility).filter(state=Visit.State.CLOSED)
    return rows.filter(claim_month__gte=query.period.start, claim_month__lte=query.period.end)


def _exams(query: Query) -> QuerySet[Exam]:
    """Examinations begun in the period; those of cancelled visits are none."""
    start, end = query.period.instants()
    rows = Exam.objects.for_facility(query.facility).filter(started_at__gte=start, started_at__lt=end)
    return rows.exclude(visit__state=Visit.State.CANCELLED)


def _performed(query: Query) -> QuerySet[ServiceOrder]:
    """Ordered services that were performed in the period."""
    start, end = query.period.instants()
    rows = ServiceOrder.objects.for_facility(query.facility).filter(performed_at__gte=start, performed_at__lt=end)
    return rows.filter(state=ServiceOrder.State.PERFORMED)


def _cash(query: Query) -> QuerySet[CashEntry]:
    """Entries of the cash ledger of the period that moved money; deposits used or no longer used moved none."""
    start, end = query.period.instants()
    rows = CashEntry.objects.for_facility(query.facility).filter(at__gte=start, at__lt=end)
    return rows.filter(kind__in=[kind for kind, effect in EFFECTS.items() if effect.cash])


_VISIT: Columns = {**of_visit(""), **_SETTLED}
VISIT_FACTS: dict[str, Facts] = {
    "visits": Facts(_VISIT, _MONEY, _with_split(_ended), "claim_code"),
    "arrivals": Facts(_VISIT, _MONEY, _with_split(_arrived), "claim_code"),
    "settled": Facts(_VISIT, _MONEY, _with_split(_settled), "claim_code"),
    "exams": Facts(
        {
            **of_visit("visit__"),
            "exam_room": "room__code",
            "exam_room_name": "room__name",
            "exam_department": "department__code",
            "exam_department_name": "department__name",
            "doctor": "doctor__code",
            "doctor_name": "doctor__full_name",
            "exam_outcome": "outcome",
        },
        {},
        _exams,
        "visit__claim_code",
        "pk",
    ),
    "services": Facts(
        {
            **of_visit("visit__"),
            "group": "service__group_code",
            "code": "service__code",
            "name": "service__name",
            "is_paid_by_fund": "is_insured",
            "performing_department": "department__code",
            "performing_department_name": "department__name",
        },
        {"quantity": "quantity"},
        _performed,
        "visit__claim_code",
        "pk",
    ),
    "cash": Facts(
        {
            "kind": "kind",
            "method": "method",
            "day": TruncDate("at"),
            "cashier": "by__username",
            "cashier_name": Trim(Concat("by__first_name", Value(" "), "by__last_name")),
        },
        {"amount": "amount", "cash": signed("cash")},
        _cash,
        "visit__claim_code",
        "pk",
    ),
    "lines": Facts(_LINE, _LINE_MEASURES, _lines, "result__visit__claim_code", "result_id"),
    "claimed_lines": Facts(
        _LINE,
        _LINE_MEASURES,
        claimed_lines,
        "result__visit__claim_code",
        "result_id",
    ),
}
