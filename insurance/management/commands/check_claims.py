"""`manage.py check_claims PATH...`: check claim files of any system, without a patient or a facility here."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseFailure

from his.accounts.models import Facility
from his.core.errors import Unwritable
from his.database.errors import ClusterError
from insurance.rules.books import RuleBooks
from insurance.rules.catalogs import DatabaseCatalogs
from insurance.rules.engine import Catalogs, NoCatalogs, Stage
from insurance.rules.files import AUTO, FileCheck, Found, Summary
from insurance.rules.listing import Causes, Record, figures_vi, json_list, text_report
from insurance.rules.sources import find_sources
from insurance.rules.workbook import FindingsBook
from insurance.standards import available

USAGE = 3
PLACES = 5
EVERY = 500


class Command(BaseCommand):
    """Exit code 0: nothing blocking; 1: a blocking finding; 2: something could not be read; 3: asked wrongly."""

    help = (
        "Kiểm tra tệp hồ sơ BHYT của bất kỳ phần mềm nào: tệp XML, thư mục, tệp zip. Mã thoát 0: không có lỗi từ chối; "
        "1: có lỗi từ chối; 2: có tệp hoặc bảng không đọc được (nêu tên, phần còn lại vẫn được kiểm); 3: gọi sai lệnh"
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser whose errors do not look like a file that could not be read."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.error = _misused  # type: ignore[method-assign]
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """As every command, but words that cannot be understood give one line too."""
        try:
            super().run_from_argv(argv)
        except CommandError as error:
            self.stderr.write(f"CommandError: {error}")
            sys.exit(error.returncode)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="tệp XML, thư mục hoặc tệp zip")
        parser.add_argument("--standard", default=AUTO, choices=[AUTO, *available()], help="auto: theo ngày ra viện")
        parser.add_argument("--format", default="text", choices=["text", "json", "xlsx"])
        parser.add_argument(
            "--facility", metavar="CODE", help="đối chiếu hồ sơ của cơ sở này với bảng giá, thuốc, nhân viên của nó"
        )
        parser.add_argument("--out", type=Path, metavar="FILE", help="ghi ra tệp; bắt buộc với xlsx")
        parser.add_argument(
            "--before-sending", action="store_true", help="hỏi thêm điều tệp sắp gửi phải có: chữ ký số"
        )
        parser.add_argument("--places", type=int, default=PLACES, help="số chỗ nêu ra cho mỗi nguyên nhân (text)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["format"] == "xlsx" and options["out"] is None:
            _misused("định dạng xlsx cần --out TỆP")
        books = RuleBooks(self._catalogs(options["facility"]))
        stages = (Stage.CLAIM, Stage.SEND) if options["before_sending"] else (Stage.CLAIM,)
        check = FileCheck(
            books,
            options["standard"],
            facility=options["facility"] or "",
            elsewhere=RuleBooks(DatabaseCatalogs(None)) if options["facility"] else None,
            stages=stages,
            on_progress=self._progress,
        )
        causes = Causes(books.rules, max(0, options["places"]))
        found = check.run(find_sources(options["paths"]))
        try:
            self._write(options["format"], options["out"], found, causes, check.summary)
        except OSError as error:
            raise CommandError(Unwritable(error).message_vi, returncode=USAGE) from error
        code = check.summary.exit_code
        if code:
            raise CommandError(figures_vi(check.summary), returncode=code)
        if options["format"] != "text":
            self.stderr.write(figures_vi(check.summary))

    def _write(self, form: str, out: Path | None, found: Iterator[Found], causes: Causes, summary: Summary) -> None:
        records = causes.counted(found)
        if form == "xlsx" and out is not None:
            _workbook(out, records, causes, summary)
            return
        pieces = json_list(records) if form == "json" else _text(records, causes, summary)
        if out is None:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            return
        with out.open("w", encoding="utf-8") as file:
            file.writelines(pieces)

    def _catalogs(self, code: str | None) -> Catalogs:
        """The catalogues of the database, or none, with a word, when there is no database."""
        try:
            facility = Facility.objects.filter(code=code).first() if code else None
            catalogs = DatabaseCatalogs(facility)
            has_any = catalogs.has("icd10")
        except (DatabaseFailure, ClusterError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            if code:
                raise CommandError(f"Không dùng được cơ sở dữ liệu: {reason}", returncode=USAGE) from error
            self.stderr.write(f"Không dùng được cơ sở dữ liệu, kiểm mà không có danh mục: {reason}")
            return NoCatalogs()
        if code and facility is None:
            raise CommandError(f"Không có cơ sở {code}", returncode=USAGE)
        if not has_any:
            self.stderr.write("Chưa nhập danh mục ICD-10 đầy đủ; các quy tắc cần danh mục sẽ không kiểm được")
        return catalogs

    def _progress(self, summary: Summary) -> None:
        if summary.claims % EVERY == 0 and summary.claims and self.stderr.isatty():
            self.stderr.write(f"\r{summary.files} tệp, {summary.claims} hồ sơ ...", ending="")


def _misused(message: str) -> NoReturn:
    raise CommandError(f"check_claims: {message}", returncode=USAGE)


def _text(records: Iterator[Record], causes: Causes, summary: Summary) -> Iterator[str]:
    for _ in records:
        pass
    for line in text_report(causes, summary):
        yield line + "\n"


def _workbook(path: Path, records: Iterator[Record], causes: Causes, summary: Summary) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(2, "No such file or directory", str(path.parent))
    book = FindingsBook(path)
    for record in records:
        book.add(record)
    book.close(causes.sorted(), summary)
