"""`manage.py bench WHAT`: a month of visits, the split of one, a lot, cashiers, all forms.

The last line is JSON.
"""

import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from his.core.errors import Refusal
from his.demo import ground
from his.demo.places import HOSPITAL, STATION
from his.demo.volume.cash_torture import bench_cashiers
from his.demo.volume.load import Loaded
from his.demo.volume.measure import bench_claims, bench_search
from his.demo.volume.reporting import bench_reports
from his.demo.volume.splitting import bench_split
from his.demo.volume.stocking import bench_stock
from his.demo.volume.torture import bench_torture

CROWDS: dict[str, Callable[..., dict[str, Any]]] = {
    "stock": bench_stock,
    "torture": bench_torture,
    "cashiers": bench_cashiers,
}
"""What many clients do at once."""


class Command(BaseCommand):
    """Fills an invented facility and measures; run it on a database of its own (docs/benchmarks.md)."""

    help = "Đo tốc độ nạp, xuất hồ sơ và tìm kiếm trên dữ liệu giả định; dòng cuối là JSON"

    def add_arguments(self, parser: CommandParser) -> None:
        said = (
            "claims: nạp một tháng, lập và xuất hồ sơ; search: nạp một tháng, tìm kiếm; "
            "split: tách chi phí một lượt khám và một đợt 600 dòng, không cần dữ liệu; "
            "stock: nhiều máy cùng xuất một lô thuốc; torture: nhiều máy cùng làm mọi việc kho và bị tắt giữa chừng; "
            "cashiers: nhiều thu ngân cùng làm trên vài lượt khám và bị tắt giữa chừng; "
            "reports: mọi biểu, danh sách của một tháng đã nạp hoặc nạp mới"
        )
        parser.add_argument("what", choices=["claims", "search", "split", "reports", *CROWDS], help=said)
        parser.add_argument("--visits", type=int, default=20_000, metavar="N", help="số lượt khám (20000)")
        parser.add_argument("--times", type=int, default=1, metavar="K", help="claims: nhân tháng đã lập lên K lần (1)")
        parser.add_argument("--facility", default=HOSPITAL, choices=[STATION, HOSPITAL])
        parser.add_argument("--seed", type=int, default=1, metavar="S")
        parser.add_argument(
            "--clients", type=int, default=32, metavar="N", help="stock, torture, cashiers: số máy (32)"
        )
        parser.add_argument(
            "--seconds", type=float, default=15, metavar="S", help="số giây; stock: của mỗi cách ghi (15)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "split":
            self.stdout.write(json.dumps(bench_split()))
            return
        asked = {
            "facility_code": options["facility"],
            "visits": options["visits"],
            "seed": options["seed"],
            "progress": self._progress,
        }
        try:
            ground.migrate()
            if options["what"] in CROWDS:
                self.stdout.write(json.dumps(self._crowd(options)))
                return
            if options["what"] == "reports":
                figures = bench_reports(**asked, say=self.stdout.write)
            elif options["what"] == "search":
                figures = bench_search(**asked)
            else:
                figures = bench_claims(**asked, times=options["times"], say=self.stdout.write)
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        self.stdout.write(json.dumps(figures))

    def _crowd(self, options: dict[str, Any]) -> dict[str, Any]:
        return CROWDS[options["what"]](
            facility_code=options["facility"],
            clients=options["clients"],
            seconds=options["seconds"],
            say=self.stdout.write,
        )

    def _progress(self, loaded: Loaded) -> None:
        self.stdout.write(f"  {loaded.visits} lượt khám, {loaded.seconds:.1f} giây", ending="\n")
