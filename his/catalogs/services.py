"""Importing catalogues: one transaction a file, all or nothing, told row by row.

Policy: a file whose structure is not understood is refused. A file with bad rows is refused too, unless the caller
says that bad rows may be left out; then the good rows go in and the report lists the others. Warnings never stop
an import. Nothing is deleted: old versions end, so that old claims can be explained.
"""

from datetime import date
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.audit.record import Entry, append_entries
from his.catalogs.ingredients import lock_items, refresh_ingredients
from his.catalogs.loaders import KINDS, Kind, Request
from his.catalogs.loaders.plan import Section
from his.catalogs.merge import merge
from his.catalogs.models import Drug
from his.catalogs.report import ImportRefused, ImportReport
from his.core.errors import Refusal
from his.service import audit_facts, service


def import_catalog(
    *,
    kind: str,
    path: Path | str | None,
    actor_name: str,
    effective_on: date | None = None,
    facility: Facility | None = None,
    open_ended: bool = False,
    skip_bad_rows: bool = False,
    list_name: str = "",
    replaces: bool = False,
) -> ImportReport:
    """Load one catalogue file for an operator at the machine; the same file again changes nothing.

    Rows hold from `effective_on`; without it from the first day of the law the list comes from, or from the day the
    row itself names. `open_ended` ignores the last day of the rows. The import is written into the audit chain of the
    facility, and for a national list into that of every facility. `replaces`: see `import_facility_catalog`.

    Refuses (`ImportRefused`, with the report) a file that cannot be understood or has bad rows, and to replace a list
    by one of which rows are left out.
    """
    if replaces and skip_bad_rows:
        raise Refusal("replaces_whole", "Thay cả bảng thì không được bỏ dòng lỗi", field="replaces")
    report = _load(kind, Request(_path(path), effective_on, facility, open_ended, list_name, replaces), skip_bad_rows)
    touched = [facility] if facility is not None else list(Facility.objects.order_by("pk"))
    for owner in touched:
        facts = {"kind": kind, "source": report.source, "by": actor_name, **_figures(report)}
        append_entries(owner, [Entry(None, "catalogs.import_file", "", None, facts)], at=timezone.now())
    return report


@service(action="catalogs.import", permission="catalogs.import")
def import_facility_catalog(
    *,
    actor: Actor,
    kind: str,
    path: Path,
    effective_on: date | None = None,
    open_ended: bool = False,
    replaces: bool = False,
) -> ImportReport:
    """Load the price list (05/DM), drug list (03/DM) or supply list (04/DM) of the actor's own facility.

    A row that differs from the one in force on its first day ends that one the day before. With `replaces` the file is
    the whole list from `effective_on`, or from the day on which all its rows begin: what it does not have ends the day
    before. Closed visits keep their prices.
    Refuses a whole list whose rows begin on several days when no day is given, and national lists: they are shared by
    all facilities and are imported by the operator of the machine.
    """
    if kind not in KINDS or not KINDS[kind].per_facility:
        raise Refusal("not_a_facility_list", "Chỉ nhập được danh mục riêng của cơ sở", field="kind")
    report = _load(kind, Request(path, effective_on, actor.facility, open_ended, "", replaces), skip_bad_rows=False)
    audit_facts(kind=kind, source=report.source, **_figures(report))
    return report


def _path(path: Path | str | None) -> Path | None:
    return None if path is None else Path(path)


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise Refusal("unknown_kind", f"Không có loại danh mục {kind}; có: {', '.join(KINDS)}", field="kind")
    return KINDS[kind]


@transaction.atomic
def _load(kind: str, request: Request, skip_bad_rows: bool) -> ImportReport:
    chosen = _kind(kind)
    if request.replaces and not chosen.per_facility:
        raise Refusal("not_a_facility_list", "Chỉ thay được cả bảng của một cơ sở", field="replaces")
    if chosen.needs_file and request.path is None:
        raise Refusal("no_file", "Loại danh mục này cần một tệp", field="path")
    report = ImportReport(kind=kind, source=request.path.name if request.path else kind)
    plan = chosen.load(request)
    if request.facility is not None:
        lock_items(request.facility)
    for section in plan.sections:
        replaces_from = _first_day(section, request) if request.replaces else None
        done = merge(plan, section, replaces_from=replaces_from, tells=chosen.per_facility)
        if section.model is Drug:
            refresh_ingredients(section.scope["facility"], {record.values["code"] for record in section.records})
        report.changes += done.changes
        report.added += done.added
        report.changed += done.changed
        report.unchanged += done.unchanged
        report.closed += done.closed
    report.read, report.errors, report.warnings = plan.read, plan.errors, plan.warnings
    if plan.errors and not skip_bad_rows:
        message = f"Tệp có {len(plan.errors)} lỗi, không nhập dòng nào"
        raise ImportRefused("row_errors", message, report)
    if not report.read:
        raise ImportRefused("no_rows", "Tệp không có dòng dữ liệu nào", report)
    return report


def _first_day(section: Section, request: Request) -> date | None:
    """The day from which a list is the whole one: the day asked for, or the one on which all its rows begin."""
    days = {record.valid_from for record in section.records}
    if request.effective_on is None and len(days) > 1:
        said = ", ".join(f"{day:%d/%m/%Y}" for day in sorted(days)[:3])
        text = f"Các dòng trong tệp bắt đầu nhiều ngày khác nhau ({said}): hãy gõ ngày áp dụng của cả bảng"
        raise Refusal("which_day", text, field="effective_on")
    return request.effective_on or next(iter(days), None)


def _figures(report: ImportReport) -> dict[str, int]:
    return {
        "read": report.read,
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "closed": report.closed,
        "errors": len(report.errors),
        "warnings": len(report.warnings),
    }
