"""`manage.py export_claims`: the month's claims of one facility as files."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from his.accounts.actor import system_actor
from his.commands import facility_of, month_of
from his.core.errors import Refusal, Unwritable
from insurance.claims.export import export_month
from insurance.standards import available


class Command(BaseCommand):
    """Writes one file for each claim and a manifest; exit code 1 when a visit could not be exported."""

    help = (
        "Xuất hồ sơ BHYT của một tháng: mỗi lượt khám một tệp, hoặc tất cả trong một tệp, kèm manifest.json. "
        "Hồ sơ đã lập và còn đúng với bệnh án được ghi ngay từ bản đã lưu; hồ sơ khác được lập lại trước khi ghi."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--facility", required=True, help="mã cơ sở 5 ký tự")
        parser.add_argument("--month", required=True, type=month_of, help="tháng quyết toán, YYYY-MM")
        parser.add_argument("--out", required=True, type=Path, help="thư mục ghi tệp")
        parser.add_argument("--single-file", action="store_true", help="mọi hồ sơ của một chuẩn trong một tệp")
        parser.add_argument("--zip", action="store_true", help="ghi các tệp vào THƯ_MỤC/<cơ sở>-<tháng>.zip")
        parser.add_argument("--check-in", type=Path, help="thư mục ghi bảng check-in (XML0) của từng lượt khám")
        standards = ["", *available()]
        parser.add_argument("--standard", default="", choices=standards, help="bỏ trống: chọn theo ngày kết thúc")

    def handle(self, *args: Any, **options: Any) -> None:
        facility = facility_of(options["facility"])
        try:
            result = export_month(
                month=options["month"],
                out_dir=options["out"],
                actor=system_actor(facility),
                at=timezone.now(),
                standard=options["standard"],
                check_in_dir=options["check_in"],
                single_file=options["single_file"],
                zipped=options["zip"],
            )
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        except OSError as error:
            raise CommandError(Unwritable(error).message_vi) from error
        with_findings = result.files.with_findings
        by_rule = len(result.left_out) - len(result.errors)
        self.stdout.write(
            f"{facility.code} {result.month}: {len(result.files)} hồ sơ, {with_findings} hồ sơ có lỗi, "
            f"{by_rule} lượt không lập hồ sơ, {len(result.errors)} lượt không xuất được"
        )
        for row in result.errors:
            self.stderr.write(f"{row.claim_code}: {row.reason}")
        if result.errors:
            raise CommandError(f"{len(result.errors)} lượt khám không xuất được, xem manifest.json", returncode=1)
