"""What is checked before a report is signed, beside the checks of its own table. A finding names the visits behind it.

`[filing]` of form.toml: `reconcile`, `open_visits`, `codes` are the severity (`blocking`, `warning`) of a check that
the form asks for; `[filing.at_most]` names columns with the highest value that is believed. That the figures are those
of now, that no amount is below zero but in the columns of `negative`, and that the facility worked with the product in
the whole period, is asked of every form.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import TruncDate

from his.catalogs.models import Diagnosis
from his.ui.text import day_text, decimal_text
from patients.models import Visit, VisitDiagnosis
from reports.checks import Finding
from reports.definition import NUMBERS, Form, load_version
from reports.duties.states import began_on
from reports.filing.compare import compare, refs_behind
from reports.filing.sides import as_now, stored
from reports.models import ReportRun
from reports.reconcile import reconcile

_UNFINISHED = (Visit.State.OPEN, Visit.State.IN_EXAM, Visit.State.EXAMINED)


def checks_before_filing(run: ReportRun, at: datetime) -> list[Finding]:
    """All checks that the form of a stored report asks for, as of now."""
    form = load_version(run.form, run.values["definition"])
    settings: Mapping[str, Any] = form.get("filing") or {}
    found = [is_as_now(run, at), _not_negative(form, run), covers_period(run)]
    found += _at_most(form, run, settings.get("at_most", {}))
    if severity := settings.get("open_visits"):
        found.append(_finding("Mọi lượt khám của kỳ đã chốt chi phí", severity, _open_visits(run)))
    if severity := settings.get("codes"):
        found.append(_finding("Bệnh chính của mọi lượt khám có trong danh mục ICD-10", severity, _unknown_codes(run)))
    if severity := settings.get("reconcile"):
        found += _reconciled(run, severity)
    return found


def _finding(title: str, severity: str, refs: list[str], message: str = "") -> Finding:
    said = message or f"{len(refs)} lượt khám"
    return Finding(title, severity, not refs, said if refs else "", tuple(refs), len(refs))


def is_as_now(run: ReportRun, at: datetime) -> Finding:
    """Whether making the report again at an instant would give the same; names what came, went or changed."""
    title = "Số liệu vẫn như lúc lập"
    found = compare(stored(run), as_now(run, at))
    refs = list(dict.fromkeys(change.ref for change in found.changes))
    if found.is_same:
        return Finding(title, "blocking", True)
    message = f"{len(found.figures)} số đã khác, {len(refs)} lượt khám hoặc dòng: hãy lập lại"
    return Finding(title, "blocking", False, message, tuple(refs), len(refs))


def covers_period(run: ReportRun) -> Finding:
    """Whether the facility worked with the product from the first day of the period on; what was before is in no
    figure, and whoever files the report has to add it."""
    title, began = "Phần mềm có số liệu của cả kỳ", began_on(run.facility)
    if began is not None and began <= run.period_start:
        return Finding(title, "warning", True)
    if began is None or began > run.period_end:
        message = "Cơ sở chưa có lượt khám nào trong phần mềm đến hết kỳ"
    else:
        message = f"Lượt khám đầu tiên trong phần mềm là ngày {day_text(began)}; trước đó đơn vị tự cộng thêm"
    return Finding(title, "warning", False, message)


def _not_negative(form: Form, run: ReportRun) -> Finding:
    may_be: Sequence[str] = (form.get("filing") or {}).get("negative", ())
    numbers = [column for column in form.columns if column.type in NUMBERS and column.type != "share"]
    columns = [form.tags.index(column.tag) for column in numbers if column.tag not in may_be]
    pairs = zip(run.values["refs"], run.values["rows"], strict=True)
    refs = [ref for ref, row in pairs if any(Decimal(row[at] or 0) < 0 for at in columns)]
    return _finding("Không số nào âm", "blocking", refs, f"{len(refs)} dòng có số âm")


def _at_most(form: Form, run: ReportRun, limits: Mapping[str, int]) -> Iterator[Finding]:
    for tag, limit in limits.items():
        at, column = form.tags.index(tag), form.column(tag)
        pairs = zip(run.values["refs"], run.values["rows"], strict=True)
        refs = [ref for ref, row in pairs if Decimal(row[at] or 0) > limit]
        title = f"{column.short} không quá {decimal_text(Decimal(limit))} một dòng"
        yield _finding(title, "warning", refs, f"{len(refs)} dòng lớn bất thường")


def _open_visits(run: ReportRun) -> list[str]:
    """Visits that began or ended in the period and whose costs are not settled."""
    start, end = run.period.instants()
    within = Q(ended_at__gte=start, ended_at__lt=end) | Q(
        ended_at__isnull=True, arrived_at__gte=start, arrived_at__lt=end
    )
    rows = Visit.objects.for_facility(run.facility).filter(within, state__in=_UNFINISHED)
    return list(rows.order_by("claim_code").values_list("claim_code", flat=True))


def _unknown_codes(run: ReportRun) -> list[str]:
    """Visits behind the report whose main diagnosis is not in the list on the day they ended, or that have none."""
    main = VisitDiagnosis.objects.filter(visit_id=OuterRef("pk"), is_main=True).order_by("-exam_id")
    known = Diagnosis.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=OuterRef("day")),
        code=OuterRef("main_code"),
        valid_from__lte=OuterRef("day"),
    )
    rows = (
        Visit.objects.for_facility(run.facility)
        .filter(claim_code__in=refs_behind(run))
        .annotate(main_code=Subquery(main.values("code")[:1]), day=TruncDate(F("ended_at")))
        .annotate(known=Subquery(known.values("code")[:1]))
        .filter(known__isnull=True)
    )
    return list(rows.order_by("claim_code").values_list("claim_code", flat=True))


def _reconciled(run: ReportRun, severity: str) -> Iterator[Finding]:
    """One finding for each identity of the month that does not hold; one that passed when all do."""
    differing = [check for check in reconcile(run.facility, run.period_start) if check.differences]
    if not differing:
        yield Finding("Đối chiếu số liệu của tháng", severity, True)
    for check in differing:
        refs = tuple(dict.fromkeys(one.ref for one in check.differences))
        first = check.differences[0]
        message = f"{len(check.differences)} chỗ lệch, ví dụ {first.ref}: {first.what}"
        yield Finding(f"Đối chiếu: {check.title}", severity, False, message, refs, len(refs))
