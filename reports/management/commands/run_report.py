"""`manage.py run_report`: one form of one, several or all facilities as files."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from his.accounts.actor import system_actor
from his.accounts.models import Facility
from his.commands import facility_of
from his.core.errors import Refusal, Unwritable
from reports.checks import Finding, blocking
from reports.definition import Form, load_form, load_version
from reports.engine import run
from reports.export import EXPORTERS, export, file_name, kinds_of
from reports.export.merged import export_merged
from reports.filing.checks import covers_period
from reports.lists.services import export_list, list_query
from reports.lists.services import file_name as list_name
from reports.lists.totals import checks
from reports.models import ReportRun
from reports.period import Period, month_argument, quarter_argument

_SEVERITY = {"blocking": "Lỗi chặn", "warning": "Cảnh báo", "note": "Ghi chú"}


class Command(BaseCommand):
    """Writes the files of a report; exit code 1 when a blocking check fails (the files are written all the same)."""

    runs: list[ReportRun]
    help = "Lập một báo cáo của một, nhiều hoặc mọi cơ sở trong một kỳ và ghi ra tệp xlsx, pdf, xml"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("form", help="mã mẫu, ví dụ 01BH, 79A")
        of = parser.add_mutually_exclusive_group(required=True)
        of.add_argument("--facility", metavar="CODE[,CODE…]", help="mã cơ sở 5 ký tự, cách nhau bằng dấu phẩy")
        of.add_argument("--all", action="store_true", help="mọi cơ sở")
        when = parser.add_mutually_exclusive_group(required=True)
        when.add_argument("--month", type=month_argument, metavar="YYYY-MM", help="tháng báo cáo")
        when.add_argument("--quarter", type=quarter_argument, metavar="YYYY-Qn", help="quý báo cáo")
        parser.add_argument("--store", default="", help="mã kho, với biểu lập theo kho; mặc định: toàn cơ sở")
        parser.add_argument("--variant", default="", help="bản cột của danh sách, ví dụ 41; mặc định: bản thường dùng")
        parser.add_argument("--merged", action="store_true", help="thêm một tệp gộp các cơ sở thành phần A, B, C")
        parser.add_argument("--out", required=True, type=Path, help="thư mục ghi tệp")
        parser.add_argument("--format", nargs="+", choices=sorted(EXPORTERS), help="mặc định: mọi dạng mà mẫu có")

    def handle(self, *args: Any, **options: Any) -> None:
        period: Period = options["month"] or options["quarter"]
        blocked, self.runs = 0, []
        try:
            form = load_form(options["form"], period.start)
            options["out"].mkdir(parents=True, exist_ok=True)
            for facility in self._facilities(options):
                blocked += (self._list if form.is_list else self._report)(form, facility, period, options)
            if options["merged"]:
                self._merged(form, period, options)
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        except OSError as error:
            raise CommandError(Unwritable(error).message_vi) from error
        if blocked:
            raise CommandError(f"{blocked} lỗi chặn, chưa ký được biểu", returncode=1)

    def _facilities(self, options: dict[str, Any]) -> list[Facility]:
        if options["all"]:
            return list(Facility.objects.order_by("code"))
        return [facility_of(code.strip()) for code in options["facility"].split(",") if code.strip()]

    def _report(self, form: Form, facility: Facility, period: Period, options: dict[str, Any]) -> int:
        """Make a stored report and its files; how many checks block."""
        made = run(
            form=form.code,
            facility=facility,
            period=period,
            store=options["store"],
            actor=system_actor(facility),
            at=timezone.now(),
        )
        self.runs.append(made)
        kinds = kinds_of(load_version(made.form, made.values["definition"]))
        for kind in self._kinds(form, kinds, options):
            path = options["out"] / file_name(made, kind)
            path.write_bytes(export(made, kind))
            self.stdout.write(str(path))
        self.stdout.write(f"{made.form} {facility.code} {period.key()}: {len(made.values['rows'])} dòng")
        for check in (*made.checks, covers_period(made).stored()):
            self._say(check["passed"], check["severity"], check["title"], check["message"])
        return len(blocking(made.checks))

    def _merged(self, form: Form, period: Period, options: dict[str, Any]) -> None:
        """One file of all facilities."""
        if not self.runs:
            raise CommandError(f"Mẫu {form.code} không lập gộp nhiều cơ sở")
        for kind in self._kinds(form, kinds_of(form), options):
            path = options["out"] / f"{form.code}_{period.key()}_gop.{kind}"
            path.write_bytes(export_merged(self.runs, kind))
            self.stdout.write(str(path))

    def _list(self, form: Form, facility: Facility, period: Period, options: dict[str, Any]) -> int:
        """Write a list; how many checks block."""
        self._kinds(form, ("xlsx",), options)
        query = list_query(form.code, facility, period, options["variant"])
        path = options["out"] / list_name(query, options["variant"])
        made = export_list(
            form=form.code,
            period=period,
            target=path,
            variant=options["variant"],
            actor=system_actor(facility),
            at=timezone.now(),
        )
        self.stdout.write(str(path))
        self.stdout.write(f"{form.code} {facility.code} {period.key()}: {made.written.rows} dòng")
        for code, reason in made.written.left_out:
            self.stderr.write(f"Không lập được dòng: {code}: {reason}")
        with transaction.atomic():
            found: list[Finding] = checks(query)
        for check in found:
            self._say(check.passed, check.severity, check.title, check.message)
        return sum(1 for check in found if not check.passed and check.severity == "blocking")

    def _kinds(self, form: Form, kinds: Iterable[str], options: dict[str, Any]) -> list[str]:
        wanted = options["format"] or list(kinds)
        for kind in wanted:
            if kind not in kinds:
                raise CommandError(f"Mẫu {form.code} không có dạng {kind}")
        return list(wanted)

    def _say(self, passed: bool, severity: str, title: str, message: str) -> None:
        if not passed:
            self.stderr.write(f"{_SEVERITY[severity]}: {title}: {message}")
