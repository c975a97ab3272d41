"""`manage.py stir_month`: corrections, refunds, voids, waivers and deposits by two cashiers at once, over a month."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from his.commands import month_of
from his.core.errors import Refusal
from his.demo.places import HOSPITAL, load_places
from his.demo.volume.stir import stir_month


class Command(BaseCommand):
    """For the invented hospital only; run `reconcile` afterwards (docs/benchmarks.md)."""

    help = "Làm nhiều thao tác viện phí giả định trên một tháng đã nạp, hai thu ngân cùng lúc; chỉ cho cơ sở giả định"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", required=True, type=month_of, metavar="YYYY-MM")
        parser.add_argument("--acts", type=int, default=2000, metavar="N", help="số thao tác (2000)")
        parser.add_argument("--seed", type=int, default=1, metavar="S")

    def handle(self, *args: Any, **options: Any) -> None:
        if (place := load_places().get(HOSPITAL)) is None:
            raise CommandError(f"Không có cơ sở giả định {HOSPITAL}, hãy nạp dữ liệu mẫu trước")
        try:
            done = stir_month(place=place, month=options["month"], acts=options["acts"], seed=options["seed"])
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        for name, times in sorted(done.items()):
            self.stdout.write(f"  {times:>7} {name}")
