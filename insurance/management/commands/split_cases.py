"""`manage.py split_cases IN.csv --out OUT.csv`: run worked cases of the benefit split through the engine."""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from insurance.benefits.engine import BenefitError
from insurance.benefits.engine.cases import OUTPUT_COLUMNS, run_case

_LONGEST_CELL = 64 * 1024 * 1024
"""A stay of a month has more lines than the reader's own limit of a cell allows."""


class Command(BaseCommand):
    """Reads cases by the names of their columns, in any order, and writes `case_id` and all output columns.

    The answers come in the order of the file. A case that the rules refuse or that cannot be read is named on stderr
    with the reason, its outputs stay empty, the others are computed, and the exit code is 1.
    """

    help = "Tính các ca mẫu tách chi phí từ một tệp CSV"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cases", type=Path, help="tệp ca mẫu (CSV)")
        parser.add_argument("--out", type=Path, required=True, help="tệp kết quả (CSV)")

    def handle(self, *args: Any, **options: Any) -> None:
        cases = _read(options["cases"])
        refused = 0
        try:
            with options["out"].open("w", encoding="utf-8", newline="") as target:
                writer = csv.DictWriter(target, OUTPUT_COLUMNS)
                writer.writeheader()
                for number, case in enumerate(cases, 1):
                    try:
                        answer = run_case(case)
                    except (BenefitError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                        refused += 1
                        name = case.get("case_id") or f"ca thứ {number}"
                        self.stderr.write(f"{name}: {error}")
                        answer = {"case_id": case.get("case_id") or ""}
                    writer.writerow(answer)
        except OSError as error:
            raise CommandError(f"Không ghi được {options['out']}: {error}") from error
        self.stdout.write(f"{len(cases) - refused}/{len(cases)} ca đã tính, kết quả ở {options['out']}")
        if refused:
            raise CommandError(f"{refused} ca không tính được", returncode=1)


def _read(path: Path) -> list[dict[str, str]]:
    """The cases by column name; blanks around names do not count. Refuses a file without lines or dates."""
    usual = csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, skipinitialspace=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            missing = [name for name in ("ngay_ra", "items_json") if name not in reader.fieldnames]
            if missing:
                raise CommandError(f"{path} thiếu cột {', '.join(missing)}")
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"Không đọc được {path}: {error}") from error
    finally:
        csv.field_size_limit(usual)  # it is one for the whole process
