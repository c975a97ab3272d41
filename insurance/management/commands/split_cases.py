"""`manage.py split_cases IN.csv --out OUT.csv`: run worked cases of the benefit split through the engine."""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from his.core.errors import Refusal
from insurance.benefits.case_file import CaseRow, read_cases
from insurance.benefits.engine import BenefitError
from insurance.benefits.engine.case_remarks import remarks
from insurance.benefits.engine.cases import INPUT_COLUMNS, OUTPUT_COLUMNS, run_case


class Command(BaseCommand):
    """Reads cases by the names of their columns, in any order, and writes `case_id` and all output columns.

    The answers come in the order of the file. A case that the rules refuse or that cannot be read is named on stderr
    with the reason, its outputs stay empty, the others are computed, and the exit code is 1. What a case or the file
    says that was not used is told on stderr too, and changes no exit code.
    """

    help = "Tính các ca mẫu tách chi phí từ một tệp CSV"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cases", type=Path, help="tệp ca mẫu (CSV)")
        parser.add_argument("--out", type=Path, required=True, help="tệp kết quả (CSV)")

    def handle(self, *args: Any, **options: Any) -> None:
        cases = self._read(options["cases"])
        answers = [self._answer(case) for case in cases]
        try:
            with options["out"].open("w", encoding="utf-8", errors="replace", newline="") as target:
                writer = csv.DictWriter(target, OUTPUT_COLUMNS)
                writer.writeheader()
                writer.writerows(answers)
        except OSError as error:
            raise CommandError(f"Không ghi được {options['out']}: {error}") from error
        refused = sum(len(answer) == 1 for answer in answers)
        self.stdout.write(f"{len(cases) - refused}/{len(cases)} ca đã tính, kết quả ở {options['out']}")
        if refused:
            raise CommandError(f"{refused} ca không tính được", returncode=1)

    def _read(self, path: Path) -> list[CaseRow]:
        try:
            names, cases = read_cases(path)
        except OSError as error:
            raise CommandError(f"Không đọc được {path}: {error}") from error
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if absent := [name for name in INPUT_COLUMNS if name not in names]:
            self.stderr.write(f"{path.name} không có cột {', '.join(absent)}: tính như để trống")
        return cases

    def _answer(self, case: CaseRow) -> dict[str, str]:
        """The outputs of a case, or only its name when it could not be computed."""
        case_id = (case.cells.get("case_id") or "").strip()
        name = f"{case_id or 'ca không tên'} (dòng {case.line} của tệp)".encode(errors="replace").decode()
        try:
            if case.fault_vi:
                raise BenefitError("spoilt_row", case.fault_vi)
            answer, said = run_case(case.cells), remarks(case.cells)
        except (BenefitError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            self.stderr.write(f"{name}: không tính được: {error}")
            return {"case_id": case_id}
        for remark in said:
            self.stderr.write(f"{name}: {remark}")
        return answer
