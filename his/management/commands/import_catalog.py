"""`manage.py import_catalog KIND [NAME] [FILE]`: load a catalogue, all or nothing."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from his.accounts.models import Facility
from his.catalogs.loaders import KINDS
from his.catalogs.report import ImportRefused, ImportReport, RowError, write_errors
from his.catalogs.services import import_catalog
from his.commands import facility_of
from his.core.errors import Refusal, Unwritable

CODELISTS = settings.BASE_DIR / "insurance" / "data" / "codelists"
SHOWN = 10


class Command(BaseCommand):
    """Prints the figures; writes findings to the file of --errors; exit code 1 when the file was refused."""

    help = "Nhập một danh mục. Loại: " + "; ".join(f"{name} = {kind.title_vi}" for name, kind in KINDS.items())

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(KINDS))
        parser.add_argument(
            "names", nargs="*", metavar="[NAME] FILE", help="tệp nguồn; với codelist: TÊN TỆP, hoặc một thư mục"
        )
        parser.add_argument("--facility", metavar="CODE", help="mã cơ sở, cho price_list, drug_list và starter")
        parser.add_argument("--effective", metavar="YYYY-MM-DD", type=date.fromisoformat, help="ngày bắt đầu áp dụng")
        parser.add_argument(
            "--valid-to",
            choices=["file", "open"],
            default="file",
            help="open: bỏ qua ngày kết thúc (DEN_NGAY) trong tệp, khi bảng thay thế chưa ban hành",
        )
        parser.add_argument(
            "--replace", action="store_true", help="tệp là cả bảng: dòng không có trong tệp kết thúc trước ngày áp dụng"
        )
        parser.add_argument("--errors", metavar="FILE", type=Path, help="ghi lỗi và cảnh báo từng dòng ra tệp CSV")
        parser.add_argument("--skip-bad-rows", action="store_true", help="vẫn nhập các dòng tốt khi có dòng lỗi")

    def handle(self, *args: Any, **options: Any) -> None:
        list_name, path = _file(options["names"])
        try:
            report = import_catalog(
                kind=options["kind"],
                path=path,
                actor_name="manage.py",
                effective_on=options["effective"],
                facility=_facility(options["facility"]),
                open_ended=options["valid_to"] == "open",
                skip_bad_rows=options["skip_bad_rows"],
                list_name=list_name,
                replaces=options["replace"],
            )
            self._tell(report, options["errors"])
            if options["kind"] == "starter" and CODELISTS.is_dir():
                self._tell(import_catalog(kind="codelist", path=CODELISTS, actor_name="manage.py"), None)
        except ImportRefused as refusal:
            self._findings(refusal.report.findings, options["errors"])
            raise CommandError(refusal.message_vi) from refusal
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal

    def _tell(self, report: ImportReport, errors: Path | None) -> None:
        self.stdout.write(report.summary_vi())
        self._findings(report.findings, errors)

    def _findings(self, findings: list[RowError], errors: Path | None) -> None:
        if errors is not None:
            try:
                write_errors(findings, errors)
            except OSError as error:
                raise CommandError(Unwritable(error).message_vi) from error
        for finding in findings[:SHOWN]:
            self.stderr.write(f"  dòng {finding.row}, {finding.column}: {finding.message_vi} ({finding.value})")
        if len(findings) > SHOWN:
            more = f", xem {errors}" if errors else "; dùng --errors TỆP để ghi tất cả"
            self.stderr.write(f"  và {len(findings) - SHOWN} dòng khác{more}")


def _file(names: list[str]) -> tuple[str, Path | None]:
    if len(names) > 2:
        raise CommandError("Chỉ nhận TÊN và TỆP")
    return (names[0] if len(names) == 2 else "", Path(names[-1]) if names else None)


def _facility(code: str | None) -> Facility | None:
    return None if code is None else facility_of(code)
