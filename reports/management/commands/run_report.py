"""`manage.py run_report`: one form of one facility and month as files."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from his.accounts.actor import system_actor
from his.commands import facility_of
from his.core.errors import Refusal, Unwritable
from reports.checks import blocking
from reports.definition import load_version
from reports.engine import run
from reports.export import EXPORTERS, export, file_name, kinds_of
from reports.period import month_argument

_SEVERITY = {"blocking": "Lỗi chặn", "warning": "Cảnh báo", "note": "Ghi chú"}


class Command(BaseCommand):
    """Writes the files of a report; exit code 1 when a blocking check fails (the files are written all the same)."""

    help = "Lập một báo cáo của một cơ sở trong một tháng và ghi ra tệp xlsx, pdf, xml"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("form", help="mã mẫu, ví dụ 01BH")
        parser.add_argument("--facility", required=True, help="mã cơ sở 5 ký tự")
        parser.add_argument("--month", required=True, type=month_argument, help="tháng báo cáo, YYYY-MM")
        parser.add_argument("--store", default="", help="mã kho, với biểu lập theo kho; mặc định: toàn cơ sở")
        parser.add_argument("--out", required=True, type=Path, help="thư mục ghi tệp")
        parser.add_argument("--format", nargs="+", choices=sorted(EXPORTERS), help="mặc định: mọi dạng mà mẫu có")

    def handle(self, *args: Any, **options: Any) -> None:
        facility = facility_of(options["facility"])
        try:
            made = run(
                form=options["form"],
                facility=facility,
                period=options["month"],
                store=options["store"],
                actor=system_actor(facility),
                at=timezone.now(),
            )
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        try:
            options["out"].mkdir(parents=True, exist_ok=True)
            kinds = kinds_of(load_version(made.form, made.values["definition"]))
            for kind in options["format"] or kinds:
                if kind not in kinds:
                    raise CommandError(f"Mẫu {made.form} không có dạng {kind}")
                path = options["out"] / file_name(made, kind)
                path.write_bytes(export(made, kind))
                self.stdout.write(str(path))
        except OSError as error:
            raise CommandError(Unwritable(error).message_vi) from error
        self.stdout.write(f"{made.form} {facility.code} {options['month'].key()}: {len(made.values['rows'])} dòng")
        for check in made.checks:
            if not check["passed"]:
                self.stderr.write(f"{_SEVERITY[check['severity']]}: {check['title']}: {check['message']}")
        if blocked := blocking(made.checks):
            raise CommandError(f"{len(blocked)} lỗi chặn, chưa ký được biểu", returncode=1)
