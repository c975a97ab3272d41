"""What the administrator's desk shows: accounts, staff, places and tiers of one facility, never those of another."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from his.accounts.models import Department, Facility, FacilityStatus, Membership, Room, Staff, User
from his.accounts.roles import PERMISSIONS, ROLES
from his.core.errors import NotFound
from his.core.text import fold


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as one facility sees it: the roles in force there, and the staff record it acts as."""

    user: User
    roles: tuple[str, ...]
    staff: Staff | None

    @property
    def is_active(self) -> bool:
        return bool(self.roles)

    @property
    def roles_vi(self) -> str:
        """The roles in words, in the order of the list of roles."""
        return ", ".join(ROLES[role][0] for role in ROLES if role in self.roles)


@dataclass(frozen=True, slots=True)
class StaffRow:
    """The latest record of a person, and the active accounts that act as it."""

    staff: Staff
    accounts: tuple[User, ...]


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role with what it allows, in words."""

    code: str
    name: str
    allows: tuple[str, ...]
    chosen: bool


def accounts_of(facility: Facility, words: str = "") -> list[AccountRow]:
    """Accounts that have or had a role at the facility, active ones first, by name of sign-in.

    `words` are beginnings of words of the name or of the name of sign-in, without marks.
    """
    rows = _accounts(Membership.objects.for_facility(facility))
    found = [row for row in rows if _fits(f"{row.user.username} {row.user.display_name}", words)]
    return sorted(found, key=lambda row: (not row.is_active, row.user.username))


def account_of(facility: Facility, pk: int) -> AccountRow:
    """One account of the facility; one that never had a role there is not found."""
    rows = _accounts(Membership.objects.for_facility(facility).filter(user_id=pk))
    if not rows:
        raise NotFound("Không tìm thấy tài khoản tại cơ sở này")
    return rows[0]


def works_elsewhere(user: User, facility: Facility) -> bool:
    """Whether the account has or had a role at another facility; which one is not told."""
    return Membership.objects.filter(user=user).exclude(facility=facility).exists()


def role_choices(chosen: Sequence[str] = ()) -> list[RoleChoice]:
    """All roles with their permissions in words."""
    return [
        RoleChoice(code, name, tuple(PERMISSIONS[one] for one in PERMISSIONS if one in held), code in chosen)
        for code, (name, held) in ROLES.items()
    ]


def staff_of(facility: Facility, on: date, words: str = "", *, left: bool = False) -> list[StaffRow]:
    """The latest record of each person by code: those who work there on the day or later, or those who have left."""
    latest = Staff.objects.for_facility(facility).order_by("code", "-valid_from").distinct("code")
    gone = Q(valid_to__isnull=False, valid_to__lt=on)
    rows = Staff.objects.filter(pk__in=latest.values("pk")).filter(gone if left else ~gone)
    found = [row for row in rows.select_related("department").order_by("code") if _fits(_staff_text(row), words)]
    users = accounts_acting_as(facility, found)
    return [StaffRow(row, tuple(users[row.pk])) for row in found]


def staff_record(facility: Facility, pk: int) -> Staff:
    """One record of the facility; others are not found."""
    row: Staff | None = (
        Staff.objects.for_facility(facility).select_related("department", "facility").filter(pk=pk).first()
    )
    if row is None:
        raise NotFound("Không tìm thấy nhân viên tại cơ sở này")
    return row


def staff_periods(staff: Staff) -> list[Staff]:
    """All records of the same person, latest first."""
    rows = Staff.objects.for_facility(staff.facility).filter(code=staff.code)
    return list(rows.select_related("department").order_by("-valid_from"))


def accounts_acting_as(facility: Facility, staff: Iterable[Staff]) -> dict[int, list[User]]:
    """Active accounts by staff record."""
    rows = Membership.objects.for_facility(facility).filter(staff__in=list(staff), is_active=True)
    users: dict[int, list[User]] = defaultdict(list)
    for row in rows.select_related("user").order_by("user__username"):
        if row.user not in users[row.staff_id]:
            users[row.staff_id].append(row.user)
    return users


def departments_of(facility: Facility) -> list[Department]:
    """All departments by code, those in use first."""
    return list(Department.objects.for_facility(facility).order_by("-is_active", "code"))


def department_of(facility: Facility, pk: int) -> Department:
    """One department of the facility; others are not found."""
    row: Department | None = Department.objects.for_facility(facility).filter(pk=pk).first()
    if row is None:
        raise NotFound("Không tìm thấy khoa tại cơ sở này")
    return row


def rooms_of(facility: Facility) -> list[Room]:
    """All rooms by code, those in use first."""
    rows = Room.objects.for_facility(facility).select_related("department")
    return list(rows.order_by("-is_active", "code"))


def room_of(facility: Facility, pk: int) -> Room:
    """One room of the facility; others are not found."""
    row: Room | None = Room.objects.for_facility(facility).select_related("department").filter(pk=pk).first()
    if row is None:
        raise NotFound("Không tìm thấy phòng tại cơ sở này")
    return row


def tiers_of(facility: Facility) -> list[FacilityStatus]:
    """The tier periods, latest first."""
    return list(FacilityStatus.objects.for_facility(facility).order_by("-valid_from"))


def _accounts(rows: Iterable[Membership]) -> list[AccountRow]:
    held: dict[int, list[Membership]] = defaultdict(list)
    for row in rows.select_related("user", "staff"):  # type: ignore[attr-defined]
        held[row.user_id].append(row)
    found = []
    for mine in held.values():
        active = [row for row in mine if row.is_active and row.user.is_active]
        staff = next((row.staff for row in active or mine if row.staff), None)
        found.append(AccountRow(mine[0].user, tuple(row.role for row in active), staff))
    return found


def _staff_text(row: Staff) -> str:
    return f"{row.code} {row.full_name} {row.licence_no}"


def _fits(text: str, words: str) -> bool:
    there = fold(text).replace(".", " ").split() + fold(text).split()
    return all(any(one.startswith(word) for one in there) for word in fold(words).split())
