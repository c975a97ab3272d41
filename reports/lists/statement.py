"""The one statement behind a list: the closed visits of a month that make a claim, by part and claim code.

Texts are those of the summary of the claim (`insurance.claims.summaries`), amounts are summed from the lines of the
split in force by cost group (MA_NHOM), in đồng: THANH_TIEN_BH of the lines, because T_THUOC and T_VTYT of the summary
are amounts of the hospital. Everything is asked of the database; nothing is computed twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, DecimalField, Func, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.core.money import ZERO
from insurance.claims.inclusion import LEFT_OUT
from insurance.claims.summaries import summary_rows
from insurance.models import BenefitLine
from reports.definition import Form
from reports.lists.codes import PLACE, OldCodes, old_codes
from reports.lists.parts import ORIGINS, ROUTES, origin_of, route_of
from reports.period import Period

_MONEY = DecimalField(max_digits=17, decimal_places=2)


@dataclass(frozen=True, slots=True)
class ListPart:
    """One part of a list: where the patients come from, and how, by the keys of the form."""

    origin: int
    route: int
    label: str


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list of a facility and month."""

    form: Form
    facility: Facility
    period: Period

    @property
    def codes(self) -> OldCodes:
        """The mappings of the last day of the month."""
        return old_codes(self.period.end)

    @property
    def has_routes(self) -> bool:
        """Whether the parts are told apart by how the patients came."""
        return "routes" in self.form["list"]

    def parts(self) -> list[ListPart]:
        """The parts in order, also empty ones."""
        spec = self.form["list"]
        routes = {row["key"]: row["title"] for row in spec.get("routes", [])} or {ROUTES[0]: ""}
        return [
            ListPart(ORIGINS.index(row["key"]), ROUTES.index(key), f"{row['title']}{f' - {title}' if title else ''}")
            for row in spec["origins"]
            for key, title in routes.items()
        ]

    def visits(self) -> QuerySet[Any]:
        """The visits of the list, with their part."""
        rows = summary_rows(self.facility, self.period.start).filter(~LEFT_OUT)
        if place := self.form["list"]["place"]:
            rows = rows.filter(visit__visit_type__in=self.codes.into(PLACE, place))
        return rows.annotate(**self.part_of("visit__"))

    def ordered(self) -> QuerySet[Any]:
        """The visits in the order of the list, with the sums of their lines as `sums`, one for each of `groups_of`."""
        return self.visits().annotate(sums=_sums(groups_of(self.form))).order_by("origin", "route", "visit__claim_code")

    def part_of(self, visit: str) -> dict[str, Case | Value]:
        """Origin and route of a visit as numbers, given the path to it."""
        code, places = Value(self.facility.code), range(3)
        entitlement = "entitlement_code" if visit == "visit__" else "result__entitlement_code"
        origin = origin_of(visit, code, places, IntegerField)
        route = route_of(visit, entitlement, code, self.codes, places, IntegerField)
        return {"origin": origin, "route": route if self.has_routes else Value(0, output_field=IntegerField())}


def groups_of(form: Form) -> tuple[tuple[str, ...], ...]:
    """The sets of cost groups that the columns of a form sum, each once."""
    sources = (column.source for column in form.all_columns)
    return tuple(dict.fromkeys(groups_in(source) for source in sources if source.startswith("groups:")))


def groups_in(source: str) -> tuple[str, ...]:
    """The cost groups of a source such as `groups:2 3`."""
    return tuple(source.removeprefix("groups:").split())


def covered_groups(form: Form) -> tuple[str, ...]:
    """All cost groups that have a column in the file."""
    sources = (column.source for column in form.file_columns if column.source.startswith("groups:"))
    return tuple(sorted({group for source in sources for group in groups_in(source)}))


def result_fields(form: Form) -> tuple[str, ...]:
    """The amounts of the split that the columns show, such as `fund_amount`."""
    sources = (column.source for column in form.all_columns if column.source.startswith("money:"))
    return tuple(dict.fromkeys(name for source in sources for name in fields_in(source)))


def fields_in(source: str) -> tuple[str, ...]:
    """The amounts of a source such as `money:copay_amount+self_paid_amount`."""
    return tuple(source.removeprefix("money:").split("+"))


def group_sum(groups: Sequence[str]) -> Coalesce:
    """The insured amount of the lines of some cost groups."""
    found = Sum("insured_amount", filter=Q(charge__group_code__in=groups))
    return Coalesce(found, Value(ZERO, output_field=_MONEY), output_field=_MONEY)


def _sums(groups: Sequence[Sequence[str]]) -> Subquery:
    """The sums of a visit's lines, all of them in one array."""
    lines = BenefitLine.objects.filter(result_id=OuterRef("pk")).order_by().values("result_id")
    array: Any = Func(*(group_sum(part) for part in groups), template="ARRAY[%(expressions)s]")
    array.output_field = ArrayField(_MONEY)
    return Subquery(lines.annotate(sums=array).values("sums"), output_field=ArrayField(_MONEY))


def lines_of_visits(query: ListQuery) -> QuerySet[Any]:
    """The lines of the splits of the list."""
    return BenefitLine.objects.for_facility(query.facility).filter(result__in=query.visits().order_by().values("pk"))
