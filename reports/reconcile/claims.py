"""What is sent and reported: the texts of claims, form 01/BH."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from his.accounts.models import Facility
from his.core.errors import Refusal
from his.core.money import ZERO
from insurance.claims.manifest import TOTALS
from insurance.claims.stored import rows_of
from insurance.models import (
    BenefitResult,
    Claim,
)
from patients.models import Visit
from reports.datasets.visits import settled_visits
from reports.definition import load_form
from reports.engine import freeze, query_of
from reports.filing.queries import filed_settlements
from reports.filing_models import Filing
from reports.models import ReportRun
from reports.period import Period
from reports.reconcile.base import CHUNK, Check, Scope

FORM = "01BH"


LINE_TAGS = {tag: tag for tag in TOTALS} | {"T_TONGCHI_BV": "THANH_TIEN_BV", "T_TONGCHI_BH": "THANH_TIEN_BH"}
"""Totals of XML1 and the field of XML2 and XML3 that adds up to each (QĐ 130/QĐ-BYT as amended)."""


def claims_and_splits(scope: Scope) -> Check:
    """The totals in the file of a claim are those of the split in force, and its lines add up to them."""
    check = Check("claims", "Hồ sơ BHYT nói đúng số tiền của kết quả tách, từng đồng")
    claims = Claim.objects.filter(is_current=True, result__in=scope.results()).select_related("layout", "result")
    for claim in claims.iterator(chunk_size=CHUNK):
        check.compared += 1
        tables = rows_of(claim)
        (summary,) = tables["XML1"]
        for tag, attribute in TOTALS.items():
            if Decimal(summary[tag]) != (stored := getattr(claim.result, attribute)):
                check.differs(claim.claim_code, tag, stored, Decimal(summary[tag]))
        for tag, sums in _line_sums(tables):
            if sums != Decimal(summary[tag]):
                check.differs(claim.claim_code, f"{tag} của các dòng", sums, Decimal(summary[tag]))
    return check


def report_and_splits(scope: Scope) -> Check:
    """Form 01/BH has the visits that make a claim, with the amounts of their splits: as made now, as filed (then the
    splits of its signature), and a version kept after the filed one."""
    check = Check("report", "Biểu 01/BH có đúng các lượt được đề nghị thanh toán, với số tiền của kết quả tách")
    months = scope.results().order_by("visit__claim_month").values_list("visit__claim_month", flat=True).distinct()
    for month in filter(None, months):
        try:
            form = load_form(FORM, month)
        except Refusal:  # the form did not exist in that month: there is nothing to compare
            continue
        period = Period.month(month)
        query = query_of(form, scope.facility, period)
        now = freeze(form, query, settled_visits(query))
        splits = _splits(scope.facility, month)
        _report(check, "biểu lập bây giờ", now, splits)
        filed = filed_settlements(scope.facility).filter(period_start=month).select_related("run").first()
        if filed is not None:
            _report(check, f"biểu đã nộp, lần {filed.run.version}", filed.run.values, splits | _as_filed(filed))
        drafts = ReportRun.of(scope.facility, FORM, period)
        draft = (drafts if filed is None else drafts.filter(version__gt=filed.run.version)).order_by("-version").first()
        if draft is not None and draft.values["rows"] != now["rows"]:
            _report(check, f"biểu đã lưu, lần {draft.version}", draft.values, splits)
        claimed = Claim.objects.for_facility(scope.facility).filter(is_current=True, visit__claim_month=month)
        for code in claimed.exclude(claim_code__in=now["refs"]).values_list("claim_code", flat=True):
            check.differs(code, "có hồ sơ BHYT nhưng không có trong biểu")
    return check


def _report(check: Check, said: str, values: Mapping[str, Any], splits: Mapping[str, BenefitResult]) -> None:
    """Hold each row of a report against the split of its visit."""
    places = [(values["columns"].index(tag), tag, attribute) for tag, attribute in TOTALS.items()]
    for ref, row in zip(values["refs"], values["rows"], strict=True):
        check.compared += 1
        if (split := splits.get(ref)) is None:
            check.differs(ref, f"{said}: lượt này không có kết quả tách trong tháng")
            continue
        for place, tag, attribute in places:
            if (here := getattr(split, attribute)) != (there := Decimal(row[place])):
                check.differs(ref, f"{tag}, {said}", here, there)


def _splits(facility: Facility, month: date) -> dict[str, BenefitResult]:
    rows = Scope(facility, month).results().select_related("visit").defer("explanation", "parameters")
    return {row.visit.claim_code: row for row in rows.iterator(chunk_size=CHUNK)}


def filed_months(scope: Scope) -> Check:
    """A visit that a filed 01/BH asks the fund for is settled in that month, and so asked for once."""
    check = Check("filed", "Lượt khám có trong 01/BH đã nộp vẫn thuộc tháng đó, không được đề nghị lần thứ hai")
    filings = filed_settlements(scope.facility)
    if scope.month is not None:
        filings = filings.filter(period_start=scope.month)
    for filing in filings:
        check.compared += len(filing.refs)
        moved = Visit.objects.for_facility(scope.facility).filter(claim_code__in=filing.refs, state=Visit.State.CLOSED)
        for code, month in moved.exclude(claim_month=filing.period_start).values_list("claim_code", "claim_month"):
            check.differs(code, f"đã nộp ở kỳ {filing.period_start:%m/%Y}, nay thuộc kỳ {month:%m/%Y}")
    return check


def _as_filed(filing: Filing) -> dict[str, BenefitResult]:
    """The splits in force when a form was signed, of its visits that were ever opened again."""
    rows = BenefitResult.objects.for_facility(filing.facility).filter(
        visit__version__gt=1, visit__claim_code__in=filing.refs, computed_at__lte=filing.signed_at
    )
    rows = rows.select_related("visit").defer("explanation", "parameters").order_by("version")
    return {row.visit.claim_code: row for row in rows}


def _line_sums(tables: Mapping[str, list[dict[str, str]]]) -> Iterator[tuple[str, Decimal]]:
    """The totals of a claim by tag, added up from its drug and service lines."""
    lines = [row for name in ("XML2", "XML3") for row in tables.get(name, ())]
    for tag, of_line in LINE_TAGS.items():
        yield tag, sum((Decimal(row[of_line]) for row in lines if row[of_line]), ZERO)
