"""`manage.py add_facility`: found a facility with its first administrator."""

import getpass
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from his.accounts.actor import system_actor
from his.accounts.models import Facility, FacilityStatus
from his.accounts.services.accounts import add_account
from his.accounts.services.facilities import add_facility
from his.core.errors import Refusal


class Command(BaseCommand):
    """Makes the facility, its tier, and the account of its administrator, who sets up the rest."""

    help = "Khai báo một cơ sở và tài khoản quản trị đầu tiên"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="mã cơ sở 5 chữ số")
        parser.add_argument("name")
        parser.add_argument("--kind", required=True, choices=Facility.Kind.values)
        parser.add_argument("--tier", default="", choices=["", *FacilityStatus.Tier.values])
        parser.add_argument("--points", type=Decimal)
        parser.add_argument("--former-line", default="", choices=["", *FacilityStatus.FormerLine.values])
        parser.add_argument("--since", type=date.fromisoformat, default=date(2025, 1, 1))
        parser.add_argument("--admin", required=True, help="tên đăng nhập của quản trị; mật khẩu được hỏi")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            password = getpass.getpass("Mật khẩu quản trị (ít nhất 10 ký tự): ")
        except EOFError:
            raise CommandError("Cần nhập mật khẩu quản trị ở bàn phím hoặc qua đầu vào chuẩn") from None
        try:
            with transaction.atomic():  # no facility without its administrator
                facility = add_facility(
                    code=options["code"],
                    name=options["name"],
                    kind=options["kind"],
                    tier=options["tier"],
                    points=options["points"],
                    former_line=options["former_line"],
                    since=options["since"],
                )
                add_account(
                    username=options["admin"],
                    full_name="Quản trị",
                    password=password,
                    roles=["administrator"],
                    actor=system_actor(facility),
                    at=timezone.now(),
                )
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        self.stdout.write(f"Đã khai báo {facility} và tài khoản {options['admin']}")
