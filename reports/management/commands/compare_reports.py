"""`manage.py compare_reports`: two versions of a report, or the filed one and what it would be now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from his.commands import facility_of
from reports.filing.compare import Change, compare
from reports.filing.queries import filed_version
from reports.filing.sides import as_now, stored
from reports.models import ReportRun
from reports.period import month_argument, quarter_argument

BESIDE = 20
"""Visits that are printed beside one figure."""


class Command(BaseCommand):
    """Writes nothing. Exit code 1 when anything differs."""

    help = "So hai bản của một báo cáo, hoặc bản đã nộp (không có thì bản mới nhất) với số liệu hiện nay"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("form", help="mã mẫu, ví dụ 01BH")
        parser.add_argument("--facility", required=True, help="mã cơ sở 5 ký tự")
        when = parser.add_mutually_exclusive_group(required=True)
        when.add_argument("--month", type=month_argument, metavar="YYYY-MM", help="tháng báo cáo")
        when.add_argument("--quarter", type=quarter_argument, metavar="YYYY-Qn", help="quý báo cáo")
        parser.add_argument("--store", default="", help="mã kho, với biểu lập theo kho; mặc định: toàn cơ sở")
        parser.add_argument("--versions", nargs=2, type=int, metavar=("A", "B"), help="hai bản; mặc định: với hiện nay")

    def handle(self, *args: Any, **options: Any) -> None:
        facility, period = facility_of(options["facility"]), options["month"] or options["quarter"]
        rows = ReportRun.of(facility, options["form"], period, options["store"])
        versions = {run.version: run for run in rows.select_related("facility").order_by("version")}
        if not versions:
            raise CommandError("Chưa lập báo cáo này")
        if options["versions"]:
            first, second = (_version(versions, number) for number in options["versions"])
            title, old, new = f"bản {first.version} → bản {second.version}", stored(first), stored(second)
        else:
            newest = versions[max(versions)]
            filed = filed_version(newest)
            first = filed.run if filed else newest
            title, old, new = f"bản {first.version} → hiện nay", stored(first), as_now(first, timezone.now())
        found = compare(old, new)
        self.stdout.write(f"{options['form']} {options['month'].key()}: {title}")
        for figure in found.figures:
            self.stdout.write(f"  {figure.row} · {figure.column}: {figure.before or '–'} → {figure.after or '–'}")
            for change in figure.changes[:BESIDE]:
                self.stdout.write(f"      {_line(change)}")
            if len(figure.changes) > BESIDE:
                self.stdout.write(f"      … và {len(figure.changes) - BESIDE} lượt nữa")
        if not found.figures:
            for change in found.changes[:BESIDE]:
                self.stdout.write(f"  {_line(change)}")
        if not found.is_same:
            raise CommandError(f"{len(found.figures)} số khác, {len(found.changes)} lượt khám hoặc dòng", returncode=1)
        self.stdout.write("Không số nào khác")


def _version(versions: dict[int, ReportRun], number: int) -> ReportRun:
    if number not in versions:
        raise CommandError(f"Không có bản {number}")
    return versions[number]


def _line(change: Change) -> str:
    kinds = {"came": "thêm", "gone": "bỏ", "changed": "sửa"}
    details = "; ".join(f"{one.what} {one.before or '–'} → {one.after or '–'}" for one in change.details)
    return f"{change.ref} {kinds[change.kind]}" + (f": {details}" if details else "")
