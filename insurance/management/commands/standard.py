"""`manage.py standard describe|diff|coverage`: the claim standard as shipped, for whoever must read or change it."""

import csv
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from insurance.claims.coverage import demo_cases
from insurance.standards import Change, Standard, StandardError, available, describe, diff, load, load_from
from insurance.standards.coverage import Covered, coverage, read_reasons

DUTY = {"yes": "bắt buộc", "no": "", "when": "có điều kiện"}
KIND = {"added": "thêm", "removed": "bỏ", "moved": "chuyển chỗ", "changed": "đổi"}
WHAT = {
    "order": "vị trí",
    "type": "kiểu",
    "max": "độ dài",
    "required": "bắt buộc",
    "codelist": "danh mục",
    "source": "nguồn",
    "name": "tên",
    "root": "thẻ gốc",
    "list": "thẻ danh sách",
    "row": "thẻ dòng",
}
NAME = "tên chuẩn (qd130, qd4750, qd3176, qd1931) hoặc thư mục có standard.toml"


class Command(BaseCommand):
    """Exit code 1 with the file and the line when the data are faulty, or when a field is neither filled nor explained.

    `coverage` reads the demonstration from the database; the others read data files only.
    """

    help = "Xem chuẩn dữ liệu đầu ra: các bảng và trường, khác biệt giữa hai quyết định, trường nào đã có dữ liệu"

    def add_arguments(self, parser: CommandParser) -> None:
        asked = parser.add_subparsers(dest="asked", required=True)
        one = asked.add_parser("describe", help="mọi trường của một chuẩn")
        one.add_argument("name", help=NAME)
        one.add_argument("--table", default="", help="chỉ một bảng, như XML2")
        two = asked.add_parser("diff", help="chuẩn sau khác chuẩn trước ở đâu")
        two.add_argument("old", help=NAME)
        two.add_argument("new", help=NAME)
        three = asked.add_parser("coverage", help="trường nào đã có hồ sơ mẫu ghi, trường nào chưa và vì sao")
        three.add_argument("--standard", dest="name", default=available()[-1], help=NAME)
        for each in (one, two, three):
            each.add_argument("--format", default="text", choices=["text", "csv"])

    def handle(self, *args: Any, **options: Any) -> None:
        answers: dict[str, Callable[[dict[str, Any]], None]] = {
            "describe": self._describe,
            "diff": self._diff,
            "coverage": self._coverage,
        }
        try:
            answers[options["asked"]](options)
        except StandardError as error:
            raise CommandError(str(error)) from error
        except BrokenPipeError:  # the reader (head, less) has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _describe(self, options: dict[str, Any]) -> None:
        standard = _standard(options["name"])
        rows = describe(standard)
        if options["table"]:
            standard.table(options["table"])
            rows = [row for row in rows if row["table"] == options["table"]]
        if options["format"] == "csv":
            self._csv(list(rows[0]), rows)
            return
        self._head(standard)
        table = ""
        for row in rows:
            if row["table"] != table:
                table = row["table"]
                self._table(standard, table)
            duty = f"  [{DUTY[row['required']]}]" if DUTY[row["required"]] else ""
            codes = f"  ({row['codelist']})" if row["codelist"] else ""
            self.stdout.write(
                f"{row['order']:>4}  {row['tag']:<22} {row['type']:<20} {row['max']:>4}  {row['name']}{codes}{duty}"
            )

    def _head(self, standard: Standard) -> None:
        until = f" đến {standard.valid_to:%d/%m/%Y}" if standard.valid_to else ""
        self.stdout.write(f"{standard.name}: {standard.title}")
        self.stdout.write(f"Lượt khám kết thúc từ {standard.valid_from:%d/%m/%Y}{until}")
        self.stdout.write(f"Lần lượt sửa đổi: {' > '.join(standard.chain)}")
        for setting in standard.settings.values():
            self.stdout.write(f"{setting.key} = {setting.value} ({' | '.join(setting.choices)}): {setting.note}")

    def _table(self, standard: Standard, name: str) -> None:
        table = standard.table(name)
        path = " > ".join(part for part in (table.root, table.list, table.row) if part)
        self.stdout.write(f"\n{name} {table.title}: {len(table.fields)} trường, {path}")

    def _diff(self, options: dict[str, Any]) -> None:
        changes = diff(_standard(options["old"]), _standard(options["new"]))
        if options["format"] == "csv":
            names = ("table", "tag", "kind", "what", "before", "after")
            self._csv(names, [{name: getattr(change, name) for name in names} for change in changes])
            return
        for change in changes:
            self.stdout.write(_said(change))
        self.stdout.write(f"{options['old']} > {options['new']}: {len(changes)} khác biệt")

    def _coverage(self, options: dict[str, Any]) -> None:
        standard = _standard(options["name"])
        rows = coverage(standard, demo_cases(standard), read_reasons())
        if not any(row.case for row in rows):
            raise CommandError("Chưa có lượt khám mẫu nào để đối chiếu; chạy manage.py demo trước")
        if options["format"] == "csv":
            names = ("table", "tag", "name", "case", "reason", "fault")
            self._csv(names, [{name: getattr(row, name) for name in names} for row in rows])
        else:
            self._covered(standard, rows)
        if faults := [f"{row.table}.{row.tag}: {row.fault}" for row in rows if row.fault]:
            raise CommandError("\n".join(faults), returncode=1)

    def _covered(self, standard: Standard, rows: Sequence[Covered]) -> None:
        for table in standard.tables.values():
            own = [row for row in rows if row.table == table.name]
            filled = sum(1 for row in own if row.case)
            self.stdout.write(f"\n{table.name} {table.title}: {filled}/{len(own)} trường đã có hồ sơ mẫu")
            for row in own:
                self.stdout.write(f"  {row.tag:<22} {row.case or '–':<20} {row.fault.upper() or row.reason}".rstrip())
        filled, explained = (sum(1 for row in rows if row.case), sum(1 for row in rows if row.reason and not row.case))
        self.stdout.write(f"\n{standard.name}: {len(rows)} trường, {filled} đã ghi, {explained} có lý do chưa ghi")

    def _csv(self, names: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
        writer = csv.DictWriter(self.stdout, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _standard(name: str) -> Standard:
    """A shipped standard by name, or the one in a folder: a decree is looked at before it is installed."""
    if (Path(name) / "standard.toml").is_file():
        return load_from(name)
    if name not in available():
        raise StandardError(f"Không có chuẩn {name}; có {', '.join(available())}")
    return load(name)


def _said(change: Change) -> str:
    where = f"{change.table}.{change.tag}" if change.tag else change.table
    said = f"{where}: {KIND[change.kind]}"
    if not change.what:
        return said
    before = f"{change.before} > " if change.before else ""
    return f"{said} {WHAT[change.what]} {before}{change.after or '(trống)'}"
