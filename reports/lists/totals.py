"""Sums and checks of a list, asked of the database at the moment they are looked at."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum

from his.core.money import ZERO
from insurance.claims import fresh
from insurance.claims.inclusion import LEFT_OUT
from insurance.claims.summaries import summary_rows
from insurance.claims.visit_facts import discharge_code
from patients.models import Exam
from reports.checks import Finding
from reports.definition import Column
from reports.filing.queries import filed_settlements
from reports.lists.codes import PLACE
from reports.lists.statement import (
    ListPart,
    ListQuery,
    covered_groups,
    fields_in,
    group_sum,
    groups_in,
    groups_of,
    lines_of_visits,
    result_fields,
)

NOUN = "lượt khám"


@dataclass(slots=True)
class PartSums:
    """How many visits a part has, and its sums in đồng by tag."""

    part: ListPart
    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)


def totals(query: ListQuery) -> list[PartSums]:
    """The sums of each part of a list, in order."""
    form = query.form
    counted = query.visits().order_by().values("origin", "route")
    names = {f"sum_{name}": Sum(name) for name in result_fields(form)}
    amounts: dict[tuple[int, int], dict[Any, Decimal]] = defaultdict(dict)
    counts: dict[tuple[int, int], int] = {}
    for row in counted.annotate(visits=Count("pk"), **names):
        key = row["origin"], row["route"]
        counts[key] = row["visits"]
        amounts[key] |= {name: row[f"sum_{name}"] for name in result_fields(form)}
    groups = {f"sum_{place}": group_sum(part) for place, part in enumerate(groups_of(form))}
    lines = lines_of_visits(query).annotate(**query.part_of("result__visit__")).order_by().values("origin", "route")
    for row in lines.annotate(**groups):
        key = row["origin"], row["route"]
        amounts[key] |= {part: row[f"sum_{place}"] for place, part in enumerate(groups_of(form))}
    found = []
    for part in query.parts():
        key = part.origin, part.route
        found.append(PartSums(part, counts.get(key, 0), _by_tag(form.columns, amounts[key])))
    return found


def _by_tag(columns: Iterable[Column], amounts: dict[Any, Decimal]) -> dict[str, Decimal]:
    found = {}
    for column in columns:
        kind, _, rest = column.source.partition(":")
        if kind == "groups":
            found[column.tag] = amounts.get(groups_in(rest), ZERO)
        elif kind == "money":
            found[column.tag] = sum((amounts.get(name, ZERO) for name in fields_in(rest)), ZERO)
    return found


def checks(query: ListQuery) -> list[Finding]:
    """What to know before the list is used, each with the claim codes it is about."""
    form, rows = query.form, query.visits().order_by("visit__claim_code")
    found = [
        _finding("Tiền các nhóm chi phí cộng lại bằng tổng chi phí BHYT của từng lượt", "blocking", _remainder(query)),
        _finding(
            "Mọi lượt khám trong danh sách đã lập hồ sơ XML từ kết quả chi phí hiện hành",
            "blocking",
            _codes(rows.filter(Q(claim__isnull=True) | ~Q(claim__result_id=F("pk")))),
        ),
        _finding(
            "Hồ sơ XML còn đúng với hồ sơ bệnh án; hồ sơ không còn đúng thì danh sách lấy theo hồ sơ bệnh án",
            "warning",
            _codes(rows.filter(Q(claim__result_id=F("pk")) & ~fresh.is_fresh(query.facility))),
        ),
    ]
    found.append(
        _finding(
            "Không lượt nào được sửa sau khi nộp 01/BH; lượt đã sửa nằm ở đây với số mới, phần chênh ở 09/BH",
            "warning",
            _adjusted(query, rows),
        )
    )
    sources = {column.source for column in form.file_columns}
    for name, title, unmapped in _MAPPED:
        if any(source.startswith(f"old:{name}:") for source in sources):
            found.append(_finding(title, "warning", _codes(unmapped(query, rows))))
    if form["list"]["place"]:
        found.append(_finding("Mọi loại hình KCB đều thuộc 79a hoặc 80a", "blocking", _codes(_placeless(query))))
    return found


def _finding(title: str, severity: str, refs: list[str]) -> Finding:
    return Finding(title, severity, not refs, f"{len(refs)} {NOUN}" if refs else "", tuple(refs), len(refs))


def _codes(rows: QuerySet[Any]) -> list[str]:
    return list(rows.values_list("visit__claim_code", flat=True))


def _adjusted(query: ListQuery, rows: QuerySet[Any]) -> list[str]:
    """Visits that were closed again after the 01/BH of the month was signed."""
    filing = filed_settlements(query.facility).filter(period_start=query.period.start).first()
    if filing is None:
        return []
    again = set(_codes(rows.filter(version__gt=1, computed_at__gt=filing.signed_at)))
    return sorted(again.intersection(filing.refs))


def _remainder(query: ListQuery) -> list[str]:
    """Visits whose insured amount is not the sum of the columns of the cost groups: a group without a column."""
    lines = lines_of_visits(query).order_by().values("result__visit__claim_code", "result__total_insured_amount")
    wrong = lines.annotate(covered=group_sum(covered_groups(query.form))).exclude(
        covered=F("result__total_insured_amount")
    )
    return sorted(row["result__visit__claim_code"] for row in wrong)


def _reason(query: ListQuery, rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.exclude(entitlement_code__in=query.codes.known("reason"))


def _kind(query: ListQuery, rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.exclude(visit__visit_type__in=query.codes.known("kind"))


def _of_last_exam(rows: QuerySet[Any], name: str) -> QuerySet[Any]:
    """With a field of the last exam as `last`, whose outcome is that of the visit."""
    exams = Exam.objects.filter(visit_id=OuterRef("visit_id")).order_by("-started_at", "-id")
    return rows.annotate(last=Subquery(exams.values(name)[:1]))


def _result(query: ListQuery, rows: QuerySet[Any]) -> QuerySet[Any]:
    return _of_last_exam(rows, "treatment_result_code").exclude(last__in=query.codes.known("result"))


def _discharge(query: ListQuery, rows: QuerySet[Any]) -> QuerySet[Any]:
    known = query.codes.known("discharge")
    unknown = [outcome for outcome in Exam.Outcome.values if discharge_code(outcome) not in known]
    return _of_last_exam(rows, "outcome").filter(last__in=unknown)


def _placeless(query: ListQuery) -> QuerySet[Any]:
    rows = summary_rows(query.facility, query.period.start).filter(~LEFT_OUT).order_by("visit__claim_code")
    return rows.exclude(visit__visit_type__in=query.codes.known(PLACE))


_MAPPED = (
    ("reason", "Mã đối tượng KCB đều chuyển được sang mã lý do vào viện cũ", _reason),
    ("kind", "Mã loại hình KCB đều chuyển được sang mã loại KCB cũ", _kind),
    ("result", "Kết quả điều trị đều chuyển được sang mã cũ", _result),
    ("discharge", "Loại ra viện đều chuyển được sang mã tình trạng ra viện cũ", _discharge),
)
