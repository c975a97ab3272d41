"""What the management commands of all packages ask for: a facility and a month, as typed on the command line."""

import argparse
from datetime import date, datetime

from django.core.management.base import CommandError

from his.accounts.models import Facility


def facility_of(code: str) -> Facility:
    """The facility with the code; ends the command when there is none."""
    facility = Facility.objects.filter(code=code).first()
    if facility is None:
        raise CommandError(f"Không có cơ sở {code}")
    return facility


def month_of(text: str) -> date:
    """The first day of a month written YYYY-MM, for `add_argument(type=...)`."""
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"tháng viết dạng 2026-10, không phải {text!r}") from None
