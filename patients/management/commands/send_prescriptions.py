"""`manage.py send_prescriptions`: send the prescriptions of one facility that wait for the national system."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from his.accounts.actor import system_actor
from his.commands import facility_of
from his.core.errors import Refusal
from patients.services.national import send_waiting


class Command(BaseCommand):
    """Sends what is due. Exit code 1 when the system did not answer, or when the facility has no link."""

    help = "Gửi đơn thuốc đang chờ lên hệ thống đơn thuốc quốc gia"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--facility", required=True, help="mã cơ sở 5 ký tự")

    def handle(self, *args: Any, **options: Any) -> None:
        facility = facility_of(options["facility"])
        try:
            done = send_waiting(actor=system_actor(facility), at=timezone.now())
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        self.stdout.write(f"{facility.code}: gửi {done.sent}, bị từ chối {done.rejected}, còn chờ {done.left}")
        if done.problem:
            raise CommandError(done.problem)
