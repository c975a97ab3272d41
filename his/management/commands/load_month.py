"""`manage.py load_month`: many visits quickly, for measurements at the invented facilities of province 99."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from his.commands import facility_of, month_of
from his.core.errors import Refusal
from his.demo.volume.load import Loaded, load_month


class Command(BaseCommand):
    """Stores closed visits of one month in bulk; exit code 1 when the facility cannot have them."""

    help = "Nạp nhanh một tháng lượt khám giả định để đo tốc độ; chỉ cho cơ sở giả định của tỉnh 99"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--facility", required=True, metavar="CODE", help="mã cơ sở 5 ký tự")
        parser.add_argument("--month", required=True, type=month_of, metavar="YYYY-MM")
        parser.add_argument("--visits", required=True, type=int, metavar="N", help="số lượt khám")
        parser.add_argument("--seed", type=int, default=1, metavar="S", help="cùng số thì cùng dữ liệu")

    def handle(self, *args: Any, **options: Any) -> None:
        facility = facility_of(options["facility"])
        try:
            loaded = load_month(
                facility=facility,
                month=options["month"],
                visits=options["visits"],
                seed=options["seed"],
                progress=self._progress,
            )
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        self.stdout.write(
            f"{facility.code} {options['month']:%Y-%m}: {loaded.visits} lượt khám, {loaded.patients} người bệnh mới, "
            f"{loaded.rows} dòng dữ liệu trong {loaded.seconds:.1f} giây"
        )

    def _progress(self, loaded: Loaded) -> None:
        rate = loaded.visits / loaded.seconds if loaded.seconds else 0
        end = "\r" if self.stdout.isatty() else "\n"
        self.stdout.write(f"  {loaded.visits} lượt khám, {rate:.0f} lượt/giây", ending=end)
        self.stdout.flush()
