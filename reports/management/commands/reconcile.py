"""`manage.py reconcile`: receipts, splits, claims and reports of a facility held against each other."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from his.accounts.models import Facility
from his.commands import facility_of, month_of
from his.ui.text import money_text
from reports.reconcile import Check, reconcile

SHOWN = 20
"""Differences that are printed of one check; the JSON has all."""


class Command(BaseCommand):
    """Reads only. Exit code 1 when anything differs."""

    help = "Đối chiếu số liệu: khoản chi phí, kết quả tách, phiếu thu, ca thu, hồ sơ BHYT và biểu 01/BH"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--facility", metavar="CODE", help="mã cơ sở 5 ký tự; mặc định: mọi cơ sở")
        parser.add_argument("--month", type=month_of, metavar="YYYY-MM", help="tháng quyết toán; mặc định: tất cả")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        code = options["facility"]
        facilities = [facility_of(code)] if code else list(Facility.objects.order_by("code"))
        found = {facility.code: reconcile(facility, options["month"]) for facility in facilities}
        if options["format"] == "json":
            rows = {code: [asdict(check) for check in checks] for code, checks in found.items()}
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
        else:
            for code, checks in found.items():
                self._show(code, checks)
        if differing := sum(len(check.differences) for checks in found.values() for check in checks):
            raise CommandError(f"{differing} chỗ lệch", returncode=1)

    def _show(self, code: str, checks: list[Check]) -> None:
        self.stdout.write(code)
        for check in checks:
            said = "KHỚP" if not check.differences else f"LỆCH {len(check.differences)}"
            self.stdout.write(f"  {said:>8}  {check.title} ({money_text(check.compared)} mục)")
            for row in check.differences[:SHOWN]:
                self.stdout.write(f"            {row.ref}: {row.what}")
            if len(check.differences) > SHOWN:
                self.stdout.write(f"            … và {len(check.differences) - SHOWN} chỗ nữa")
