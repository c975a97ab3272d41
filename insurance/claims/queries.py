"""Reading claims: the funnel of a month, the list behind each of its numbers, one claim as tables."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, FilteredRelation, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.core.errors import NotFound
from insurance.claims.inclusion import LEFT_OUT, reason_column
from insurance.claims.stored import rows_of
from insurance.models import BenefitResult, Claim, Finding
from insurance.standards import Standard, load
from patients.models import Visit

_BUILT = Q(claim__isnull=False)
_FINDINGS = Q(claim__state=Claim.State.FINDINGS)


@dataclass(frozen=True, slots=True)
class View:
    """One number of the funnel and the list behind it: the same condition, so that they cannot differ."""

    code: str
    label_vi: str
    where: Q
    hint_vi: str = ""


VIEWS = (
    View("closed", "Đã chốt", Q(), "Mọi lượt khám đã chốt chi phí trong tháng"),
    View("insured", "Lập hồ sơ", ~LEFT_OUT, "Lượt khám BHYT có phần quỹ trả"),
    View("built", "Đã lập", ~LEFT_OUT & _BUILT, "Đã có tệp hồ sơ"),
    View("clean", "Sạch", ~LEFT_OUT & _BUILT & ~_FINDINGS, "Không còn lỗi cấu trúc, danh mục, số tiền"),
    View("exported", "Đã xuất", ~LEFT_OUT & _BUILT & Q(claim__exported_at__isnull=False), "Đã xuất ra tệp"),
)
SIDE_VIEWS = (
    View("left_out", "Không lập", LEFT_OUT, "Không lập hồ sơ, kèm lý do"),
    View("not_built", "Chưa lập", ~LEFT_OUT & ~_BUILT, "Thuộc diện lập hồ sơ nhưng chưa lập"),
    View("findings", "Có lỗi", ~LEFT_OUT & _BUILT & _FINDINGS, "Cần sửa rồi lập lại"),
)
_BY_CODE = {view.code: view for view in (*VIEWS, *SIDE_VIEWS)}


def results_of_month(facility: Facility, month: date) -> QuerySet[BenefitResult]:
    """The splits in force of the visits closed in the claim month, each joined to its current claim as `claim`."""
    rows = BenefitResult.objects.for_facility(facility).filter(
        is_current=True, visit__claim_month=month.replace(day=1), visit__state=Visit.State.CLOSED
    )
    current = Q(visit__claims__is_current=True)
    return rows.annotate(claim=FilteredRelation("visit__claims", condition=current))


def funnel(facility: Facility, month: date) -> dict[str, int]:
    """How many visits stand behind each view, by code."""
    counts = {view.code: Count("pk", filter=view.where) for view in _BY_CODE.values() if view.where}
    row = results_of_month(facility, month).aggregate(closed=Count("pk"), **counts)
    return {code: row[code] for code in _BY_CODE}


def listed(facility: Facility, month: date, code: str) -> QuerySet[BenefitResult]:
    """The visits of a view by claim code, with what the list shows; refuses an unknown view."""
    if code not in _BY_CODE:
        raise NotFound("Không có danh sách này")
    rows = results_of_month(facility, month).filter(_BY_CODE[code].where)
    findings = Finding.objects.filter(claim_id=OuterRef("claim_pk")).order_by().values("claim_id")
    return (
        rows.select_related("visit__patient", "visit__card")
        .annotate(
            left_out_reason=reason_column(),
            claim_pk=F("claim__id"),
            claim_state=F("claim__state"),
            claim_version=F("claim__version"),
            exported_at=F("claim__exported_at"),
            finding_count=Coalesce(Subquery(findings.annotate(n=Count("pk")).values("n")), 0),
        )
        .order_by("visit__claim_code")
    )


def latest_month(facility: Facility) -> date | None:
    """The last claim month in which a visit was closed."""
    rows = Visit.objects.for_facility(facility).filter(state=Visit.State.CLOSED)
    return rows.aggregate(last=Max("claim_month"))["last"]


def finding_groups(facility: Facility, month: date) -> list[dict[str, object]]:
    """Findings of the month's current claims by cause, the most frequent first: table, field, rule, text, visits."""
    rows = Finding.objects.for_facility(facility).filter(
        claim__is_current=True, claim__visit__claim_month=month.replace(day=1)
    )
    groups = rows.values("table", "field", "rule").annotate(
        visits=Count("claim_id", distinct=True), text=Max("message")
    )
    return list(groups.order_by("-visits", "table", "field", "rule"))


def current_claim(visit: Visit) -> Claim | None:
    """The claim in force of the visit."""
    return Claim.objects.for_facility(visit.facility).filter(visit=visit, is_current=True).first()


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a claim as shown: tag, Vietnamese name, value, and what was found there."""

    tag: str
    name: str
    value: str
    findings: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not self.value and not self.findings


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row of a table of the claim."""

    number: int
    title: str
    cells: tuple[Cell, ...]
    findings: int


@dataclass(frozen=True, slots=True)
class ShownTable:
    """One table of the claim; `findings` also counts those that name no row."""

    name: str
    title: str
    rows: tuple[ShownRow, ...]
    findings: int
    general: tuple[str, ...]


_TITLES = {"XML2": "TEN_THUOC", "XML3": "TEN_DICH_VU", "XML4": "TEN_CHI_SO", "XML5": "THOI_DIEM_DBLS"}


def shown_tables(claim: Claim) -> list[ShownTable]:
    """The stored texts of a claim as tables, with its findings where they belong."""
    standard = load(claim.standard)
    found: dict[tuple[str, int | None, str], list[str]] = defaultdict(list)
    for finding in claim.findings.order_by("id"):
        found[finding.table, finding.row, finding.field].append(finding.message)
    return [_table(standard, name, rows, found) for name, rows in rows_of(claim).items()]


def _table(
    standard: Standard,
    name: str,
    rows: Sequence[dict[str, str]],
    found: dict[tuple[str, int | None, str], list[str]],
) -> ShownTable:
    table = standard.table(name)
    names = {field.tag: field.name for field in table.fields}
    shown = []
    for number, row in enumerate(rows, 1):
        cells = tuple(
            Cell(tag, names.get(tag, ""), value, tuple(found.get((name, number, tag), ())))
            for tag, value in row.items()
        )
        title = row.get(_TITLES.get(name, ""), "")
        shown.append(ShownRow(number, title, cells, sum(len(cell.findings) for cell in cells)))
    general = tuple(text for (at, row, _), texts in found.items() if at == name and not row for text in texts)
    total = sum(len(texts) for (at, _, _), texts in found.items() if at == name)
    return ShownTable(name, table.title, tuple(shown), total, general)
