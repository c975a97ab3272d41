"""`manage.py send_invoices`: make what is due and send what waits of one facility, for a timer."""

import argparse
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from his.accounts.actor import system_actor
from his.commands import facility_of
from his.core.errors import Refusal
from insurance.billing.invoices.queries import first_open_day
from insurance.billing.invoices.queue import send_waiting
from insurance.billing.invoices.services import aggregate_day, correct_due


class Command(BaseCommand):
    """Corrections that are due, with --gather-until one invoice for each open day, then the queue.

    Exit code 1 when the provider did not answer, or when something may not be made.
    """

    help = "Lập hóa đơn điều chỉnh đang cần, (nếu muốn) hóa đơn tổng hợp của các ngày, rồi gửi hóa đơn đang chờ"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--facility", required=True, help="mã cơ sở 5 ký tự")
        parser.add_argument("--gather-until", type=_day, help="lập hóa đơn tổng hợp tới hết ngày này, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        facility = facility_of(options["facility"])
        actor, now, until = system_actor(facility), timezone.now(), options["gather_until"]
        try:
            made = len(correct_due(actor=actor, at=now))
            while until is not None and (day := first_open_day(facility)) is not None and day <= until:
                aggregate_day(day=day, actor=actor, at=now)
                made += 1
            made += len(correct_due(actor=actor, at=now))
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        sent = send_waiting(actor=actor, at=now)
        self.stdout.write(
            f"{facility.code}: lập {made}, phát hành {sent.issued}, bị từ chối {sent.rejected}, còn chờ {sent.left}"
        )
        if sent.problem:
            raise CommandError(sent.problem)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"ngày viết dạng 2026-10-31, không phải {text!r}") from None
