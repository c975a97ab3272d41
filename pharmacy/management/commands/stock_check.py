"""`manage.py stock_check`: are the balances the sum of the movements, and what is kept that of the reservations?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from his.accounts.models import Facility
from his.commands import facility_of
from his.ui.text import decimal_text
from pharmacy.queries import ON_HAND, RESERVED, balance_differences

_WORDS = {ON_HAND: "tồn", RESERVED: "đang giữ"}


class Command(BaseCommand):
    """Rebuild every balance from ledger and reservations and list the differences; exit code 1 when there is any."""

    help = "Tính lại tồn kho từ sổ kho, số đang giữ từ các đơn, và liệt kê chỗ lệch; mã thoát 1 khi có lệch."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--facility", metavar="CODE", help="Chỉ một cơ sở (mã 5 ký tự)")

    def handle(self, *args: Any, facility: str | None = None, **options: Any) -> None:
        facilities = [facility_of(facility)] if facility else list(Facility.objects.order_by("code"))
        wrong = sum(self._check(one) for one in facilities)
        if wrong:
            raise CommandError(f"Tồn kho lệch sổ kho ở {wrong} chỗ", returncode=1)

    def _check(self, facility: Facility) -> int:
        with transaction.atomic():
            # Balances and movements are read as of one instant, so that a document posted meanwhile is no difference.
            _one_snapshot()
            differences = balance_differences(facility)
        for row in differences:
            self.stdout.write(
                f"{facility.code} {row.store} {row.drug_code} lô {row.lot_number}: "
                f"{_WORDS[row.figure]} {decimal_text(row.balance)}, sổ {decimal_text(row.rebuilt)}"
            )
        if not differences:
            self.stdout.write(f"{facility.code}: tồn kho khớp sổ kho")
        return len(differences)


def _one_snapshot() -> None:
    if not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
