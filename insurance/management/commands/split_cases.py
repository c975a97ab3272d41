"""`manage.py split_cases IN.csv --out OUT.csv`: run worked cases of the benefit split through the engine."""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from insurance.benefits.engine import BenefitError
from insurance.benefits.engine.cases import OUTPUT_COLUMNS, run_case


class Command(BaseCommand):
    """Reads cases by their input columns and writes `case_id` and all output columns, in the order of the file.

    A case that the rules refuse is named on stderr, its outputs stay empty, and the exit code is 1.
    """

    help = "Tính các ca mẫu tách chi phí từ một tệp CSV"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cases", type=Path, help="tệp ca mẫu (CSV)")
        parser.add_argument("--out", type=Path, required=True, help="tệp kết quả (CSV)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["cases"].open(encoding="utf-8-sig", newline="") as source:
                cases = list(csv.DictReader(source))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CommandError(f"Không đọc được {options['cases']}: {error}") from error
        refused = 0
        with options["out"].open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, OUTPUT_COLUMNS)
            writer.writeheader()
            for case in cases:
                try:
                    answer = run_case(case)
                except (BenefitError, KeyError, ValueError) as error:
                    refused += 1
                    self.stderr.write(f"{case.get('case_id', '?')}: {error}")
                    answer = {"case_id": case.get("case_id", "")}
                writer.writerow(answer)
        self.stdout.write(f"{len(cases) - refused}/{len(cases)} ca đã tính, kết quả ở {options['out']}")
        if refused:
            raise CommandError(f"{refused} ca không tính được", returncode=1)
