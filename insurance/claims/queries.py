"""Reading the claims of a month: the funnel, the list behind each of its numbers, narrowed by cause or reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, F, FilteredRelation, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import MD5, Coalesce
from django.utils.http import urlencode

from his.accounts.models import Facility
from his.accounts.reach import Reach
from his.core.errors import NotFound
from insurance.claims.inclusion import LEFT_OUT, RULES, reason_column
from insurance.models import BenefitResult, Claim, Finding, MonthCheck
from insurance.rules.engine import Severity
from patients.models import Visit

_BUILT = Q(claim__isnull=False)
_FINDINGS = Q(claim__state=Claim.State.FINDINGS)
_FAILED = Q(visit__build_failure__isnull=False)


@dataclass(frozen=True, slots=True)
class Cause:
    """Findings of one origin: a rule at a field, and with `value` (the MD5 of a value) of one value there."""

    rule: str
    table: str
    field: str
    value: str = ""

    def parts(self) -> dict[str, str]:
        """The parts by name, as an address carries them."""
        return {"rule": self.rule, "table": self.table, "field": self.field, "value": self.value}

    def query(self) -> str:
        """The part of an address that names the cause."""
        return urlencode({name: text for name, text in self.parts().items() if text})

    def of(self, rows: QuerySet[Finding]) -> QuerySet[Finding]:
        """Those of the findings that have this cause."""
        rows = rows.filter(rule=self.rule, table=self.table, field=self.field)
        return rows.alias(value_print=MD5("value")).filter(value_print=self.value) if self.value else rows


@dataclass(frozen=True, slots=True)
class View:
    """One number of the funnel and the list behind it: the same condition, so that they cannot differ.

    `found` is the condition on findings, for views that show claims by what was found in them.
    """

    code: str
    label_vi: str
    where: Q
    hint_vi: str = ""
    found: Q | None = None


def _has(found: Q) -> Q:
    return Q(Exists(Finding.objects.filter(found, claim=OuterRef("claim__id"))))


def _found_view(code: str, label_vi: str, hint_vi: str, found: Q) -> View:
    return View(code, label_vi, ~LEFT_OUT & _BUILT & _has(found), hint_vi, found)


_OPEN = Q(waiver__isnull=True)


def open_of(*severities: str) -> Q:
    """The condition on findings of these severities that nobody waived."""
    return _OPEN & Q(severity__in=severities)


VIEWS = (
    View("closed", "Đã chốt", Q(), "Mọi lượt khám đã chốt chi phí trong tháng"),
    View("insured", "Thuộc diện lập", ~LEFT_OUT, "Lượt khám BHYT có phần quỹ trả"),
    View("built", "Đã lập", ~LEFT_OUT & _BUILT, "Đã có hồ sơ"),
    View("clean", "Sạch", ~LEFT_OUT & _BUILT & ~_FINDINGS, "Không còn lỗi chặn; có thể còn cảnh báo"),
    View("exported", "Đã xuất", ~LEFT_OUT & _BUILT & Q(claim__exported_at__isnull=False), "Đã xuất ra tệp"),
)
SIDE_VIEWS = (
    _found_view("findings", "Có lỗi", "Còn lỗi chặn: cần sửa rồi lập lại", _OPEN & Q(severity=Severity.BLOCKING)),
    _found_view("warnings", "Có cảnh báo", "Có thể bị xuất toán, nên xem lại", _OPEN & Q(severity=Severity.WARNING)),
    _found_view("notes", "Có lưu ý", "Nên biết, không cần sửa", _OPEN & Q(severity=Severity.INFO)),
    _found_view("waived", "Đã bỏ qua", "Có lỗi đã được bỏ qua, kèm lý do", Q(waiver__isnull=False)),
    View("failed", "Không lập được", ~LEFT_OUT & _FAILED, "Lần lập gần nhất không thành, kèm lý do"),
    View("not_built", "Chưa lập", ~LEFT_OUT & ~_BUILT, "Thuộc diện lập hồ sơ nhưng chưa có hồ sơ"),
    View("left_out", "Không lập", LEFT_OUT, "Không lập hồ sơ, kèm lý do"),
)
_BY_CODE = {view.code: view for view in (*VIEWS, *SIDE_VIEWS)}


def view_of(code: str) -> View:
    """The view of a code; refuses an unknown one as not found."""
    if code not in _BY_CODE:
        raise NotFound("Không có danh sách này")
    return _BY_CODE[code]


def results_of_month(facility: Facility, month: date) -> QuerySet[BenefitResult]:
    """The splits in force of the visits closed in the claim month, each joined to its current claim as `claim`."""
    return _of_month(BenefitResult.objects.for_facility(facility), month)


def _of_month(rows: QuerySet[BenefitResult], month: date) -> QuerySet[BenefitResult]:
    rows = rows.filter(is_current=True, visit__claim_month=month.replace(day=1), visit__state=Visit.State.CLOSED)
    current = Q(visit__claims__is_current=True)
    return rows.annotate(claim=FilteredRelation("visit__claims", condition=current))


def claims_of_month(facility: Facility, month: date) -> QuerySet[Claim]:
    """The current claims of the visits that make one and were closed in the month: what is exported."""
    rows = results_of_month(facility, month).filter(~LEFT_OUT & _BUILT).annotate(claim_pk=F("claim__id"))
    return Claim.objects.for_facility(facility).filter(pk__in=rows.values("claim_pk"))


def findings_of_reach(reach: Reach, month: date, kind: Q) -> QuerySet[Finding]:
    """Findings of a kind in the current claims of the month, of all facilities of the reach; to be counted only."""
    rows = _of_month(BenefitResult.objects.for_reach(reach), month).filter(~LEFT_OUT & _BUILT)
    claims = rows.annotate(claim_pk=F("claim__id")).values("claim_pk")
    return Finding.objects.for_reach(reach).filter(kind, claim__in=claims)


def funnel(facility: Facility, month: date) -> dict[str, int]:
    """How many visits stand behind each view, by code."""
    row = results_of_month(facility, month).aggregate(**_counts(_BY_CODE.values()))
    return {code: row[code] for code in _BY_CODE}


def funnels(reach: Reach, month: date) -> dict[int, dict[str, int]]:
    """The steps of the funnel, and how many claims have faults, by facility; those without closed visits are absent."""
    views = [*VIEWS, view_of("findings")]
    rows: QuerySet[Any] = _of_month(BenefitResult.objects.for_reach(reach), month).order_by().values("facility_id")
    found = rows.annotate(**_counts(views))
    return {row["facility_id"]: {view.code: row[view.code] for view in views} for row in found}


def exports_of_months(facility: Facility, months: Iterable[date]) -> dict[date, tuple[int, int, datetime | None]]:
    """(claims to make, those exported, when the last of them first was) by the first day of the claim month; months
    without closed visits are absent."""
    starts = {month.replace(day=1) for month in months}
    closed = BenefitResult.objects.for_facility(facility).filter(is_current=True, visit__state=Visit.State.CLOSED)
    current = FilteredRelation("visit__claims", condition=Q(visit__claims__is_current=True))
    rows = closed.filter(visit__claim_month__in=starts).annotate(claim=current)
    views = [view_of("insured"), view_of("exported")]
    found = rows.order_by().values("visit__claim_month").annotate(**_counts(views), last=Max("claim__exported_at"))
    return {row["visit__claim_month"]: (row["insured"], row["exported"], row["last"]) for row in found}


def _counts(views: Iterable[View]) -> dict[str, Count]:
    return {view.code: Count("pk", filter=view.where) if view.where else Count("pk") for view in views}


def listed(
    facility: Facility, month: date, code: str, *, cause: Cause | None = None, reason: str = ""
) -> QuerySet[BenefitResult]:
    """The visits of a view by claim code, with what the list shows; refuses an unknown view.

    `cause` keeps those with such a finding (of the kind that the view shows), `reason` (the code of a rule of
    `inclusion`) those left out for it.
    """
    view = view_of(code)
    rows = results_of_month(facility, month).filter(view.where)
    if cause is not None:
        found = cause.of(Finding.objects.filter(view.found or _OPEN, claim=OuterRef("claim__id")))
        rows = rows.filter(Exists(found))
    if reason:
        rows = rows.alias(why=reason_column()).filter(why=_reason_vi(reason))
    return (
        rows.select_related("visit__patient", "visit__card")
        .annotate(
            left_out_reason=reason_column(),
            failure=F("visit__build_failure__reason"),
            claim_pk=F("claim__id"),
            claim_state=F("claim__state"),
            claim_version=F("claim__version"),
            exported_at=F("claim__exported_at"),
            finding_count=_number(_OPEN & Q(severity=Severity.BLOCKING)),
            warning_count=_number(_OPEN & Q(severity=Severity.WARNING)),
            waived_count=_number(Q(waiver__isnull=False)),
        )
        .order_by("visit__claim_code")
    )


def _number(found: Q) -> Coalesce:
    """How many findings of the kind the current claim has."""
    rows = Finding.objects.filter(found, claim_id=OuterRef("claim__id")).order_by().values("claim_id")
    return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n")), Value(0))


def _reason_vi(code: str) -> str:
    found = next((rule.reason_vi for rule in RULES if rule.code == code), None)
    if found is None:
        raise NotFound("Không có danh sách này")
    return found


@dataclass(frozen=True, slots=True)
class Reason:
    """Why visits of a month make no claim, and how many."""

    code: str
    reason_vi: str
    visits: int


def reasons_left_out(facility: Facility, month: date) -> list[Reason]:
    """The reasons for which visits of the month make no claim, in the order of the rules."""
    rows = results_of_month(facility, month).filter(LEFT_OUT).annotate(why=reason_column())
    counts = dict(rows.order_by().values_list("why").annotate(n=Count("pk")))
    return [Reason(rule.code, rule.reason_vi, counts[rule.reason_vi]) for rule in RULES if rule.reason_vi in counts]


def without_split(facility: Facility, month: date) -> QuerySet[Visit]:
    """Closed visits of the month without a split in force: damaged data that stand in no list."""
    current = BenefitResult.objects.filter(visit=OuterRef("pk"), is_current=True)
    rows = Visit.objects.for_facility(facility).filter(claim_month=month.replace(day=1), state=Visit.State.CLOSED)
    return rows.exclude(Exists(current)).order_by("claim_code")


def latest_month(facility: Facility) -> date | None:
    """The last claim month in which a visit was closed."""
    rows = Visit.objects.for_facility(facility).filter(state=Visit.State.CLOSED)
    return rows.aggregate(last=Max("claim_month"))["last"]


def month_check(facility: Facility, month: date) -> MonthCheck | None:
    """How far the claims of the month are checked; None when none was built yet."""
    return MonthCheck.objects.for_facility(facility).filter(month=month.replace(day=1)).first()


def current_claim(visit: Visit) -> Claim | None:
    """The claim in force of the visit."""
    rows = Claim.objects.for_facility(visit.facility).filter(visit=visit, is_current=True)
    return rows.select_related("built_by").first()
