"""`manage.py facility_group`: which facilities a health department, or a hospital, sees added up."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from his.accounts.services.facilities import set_group
from his.commands import facility_of
from his.core.errors import Refusal


class Command(BaseCommand):
    """Makes or changes a group; whoever has the role group_viewer at the leading facility sees its sums."""

    help = "Khai báo nhóm cơ sở để xem số cộng ở cơ sở đứng đầu"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("leader", metavar="CODE", help="mã cơ sở đứng đầu, nơi có người theo dõi nhóm")
        parser.add_argument("code", help="mã nhóm")
        parser.add_argument("name", help="tên nhóm")
        parser.add_argument("--members", required=True, nargs="+", metavar="CODE", help="mã các cơ sở của nhóm")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            group = set_group(
                facility=facility_of(options["leader"]),
                code=options["code"],
                name=options["name"],
                members=options["members"],
                at=timezone.now(),
            )
        except Refusal as refusal:
            raise CommandError(refusal.message_vi) from refusal
        self.stdout.write(f"Nhóm {group.code} {group.name}: {group.members.count()} cơ sở")
