"""`manage.py reconcile`: receipts, splits, claims and reports of a facility held against each other."""

import json
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from his.accounts.actor import system_actor
from his.accounts.models import Facility
from his.commands import facility_of, month_of
from his.core.dates import local
from his.ui.text import money_text
from reports.reconcile import Check, reconcile
from reports.services import run_reconciliation

SHOWN = 20
"""Differences that are printed of one check; the JSON has all."""


class Command(BaseCommand):
    """Writes nothing but, with `--store`, what it found. Exit code 1 when anything differs."""

    help = "Đối chiếu số liệu: khoản chi phí, kết quả tách, phiếu thu, ca thu, hồ sơ BHYT và biểu 01/BH"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--facility", metavar="CODE", help="mã cơ sở 5 ký tự; mặc định: mọi cơ sở")
        parser.add_argument("--month", type=month_of, metavar="YYYY-MM", help="tháng quyết toán; mặc định: tất cả")
        said = "lưu kết quả để xem trên màn hình báo cáo; cần --month, hoặc lấy tháng trước và tháng này"
        parser.add_argument("--store", action="store_true", help=said)
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        code = options["facility"]
        facilities = [facility_of(code)] if code else list(Facility.objects.order_by("code"))
        if options["store"]:
            self._store(facilities, options["month"])
            return
        found = {facility.code: reconcile(facility, options["month"]) for facility in facilities}
        if options["format"] == "json":
            rows = {code: [asdict(check) for check in checks] for code, checks in found.items()}
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
        else:
            for code, checks in found.items():
                self._show(code, checks)
        if differing := sum(len(check.differences) for checks in found.values() for check in checks):
            raise CommandError(f"{differing} chỗ lệch", returncode=1)

    def _store(self, facilities: list[Facility], month: date | None) -> None:
        """Keep what is found, each month of each facility apart, for the screen: the work of every night."""
        at, found = timezone.now(), 0
        for facility in facilities:
            for one in [month] if month else _recent(local(at).date()):
                made = run_reconciliation(month=one, actor=system_actor(facility), at=at)
                self.stdout.write(f"{facility.code} {one:%Y-%m}: {made.difference_count} chỗ lệch")
                found += made.difference_count
        if found:
            raise CommandError(f"{found} chỗ lệch", returncode=1)

    def _show(self, code: str, checks: list[Check]) -> None:
        self.stdout.write(code)
        for check in checks:
            said = "KHỚP" if not check.differences else f"LỆCH {len(check.differences)}"
            self.stdout.write(f"  {said:>8}  {check.title} ({money_text(check.compared)} mục)")
            for row in check.differences[:SHOWN]:
                self.stdout.write(f"            {row.ref}: {row.what}")
            if len(check.differences) > SHOWN:
                self.stdout.write(f"            … và {len(check.differences) - SHOWN} chỗ nữa")


def _recent(today: date) -> list[date]:
    """The month before and this one: those that are still worked on."""
    first = today.replace(day=1)
    return [(first - timedelta(days=1)).replace(day=1), first]
