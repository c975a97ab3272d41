"""`manage.py release_lapsed`: free the stock kept for prescriptions that nobody collected in time; for a timer."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from his.accounts.actor import system_actor
from his.accounts.models import Facility
from pharmacy.services.reservations import release_lapsed


class Command(BaseCommand):
    """At every facility; run it each night."""

    help = "Bỏ giữ thuốc của các đơn quá hạn lấy (5 ngày, TT 26/2025/TT-BYT) ở mọi cơ sở"

    def handle(self, *args: Any, **options: Any) -> None:
        for facility in Facility.objects.order_by("code"):
            ended = release_lapsed(actor=system_actor(facility), at=timezone.now())
            self.stdout.write(f"{facility.code}: bỏ giữ {ended} lần")
