"""Reading the audit list of a facility: who did what on a day or to a row, and whether the month's chain is whole."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from his.accounts.models import Facility, Membership, User
from his.audit.models import AuditEntry
from his.audit.record import broken_positions
from his.core.dates import day_range
from his.core.models import FacilityModel

QUICK = 5_000  # so many entries are checked while a page is drawn


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of a month: how many entries, whether they were checked, and the positions that do not hold."""

    month: str
    entries: int
    is_checked: bool
    broken: tuple[int, ...] = ()


def members_of(facility: Facility) -> list[User]:
    """Everyone who has or had an account here, by name of sign-in."""
    members = Membership.objects.for_facility(facility).values("user_id")
    return list(User.objects.filter(pk__in=members).order_by("username"))


def entries_of(facility: Facility, day: date, *, user: User | None = None) -> QuerySet[AuditEntry]:
    """Entries of the day, latest first; of one user when given."""
    first, after = day_range(day)
    rows: QuerySet[AuditEntry] = AuditEntry.objects.for_facility(facility).filter(
        month=day.strftime("%Y-%m"), at__gte=first, at__lt=after
    )
    if user is not None:
        rows = rows.filter(user=user)
    return rows.select_related("user").order_by("-position")


def chain_of(facility: Facility, day: date, *, check: bool) -> Chain:
    """The chain of the day's month. A long month is checked only when asked: every digest is computed again."""
    month = day.strftime("%Y-%m")
    entries = AuditEntry.objects.for_facility(facility).filter(month=month).count()
    if not check and entries > QUICK:
        return Chain(month, entries, is_checked=False)
    return Chain(month, entries, is_checked=True, broken=tuple(broken_positions(facility, month)))


def last_of(row: FacilityModel, actions: Collection[str]) -> AuditEntry | None:
    """The latest entry about a row with one of the actions, with its user."""
    entries = AuditEntry.objects.filter(
        facility=row.facility_id, object_type=row._meta.label_lower, object_id=row.pk, action__in=actions
    )
    return entries.select_related("user").order_by("pk").last()
