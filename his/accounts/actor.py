"""Who acts, and where: one user at one facility with the permissions of their roles there."""

from dataclasses import dataclass

from his.accounts.models import Facility, Membership, Staff, User
from his.accounts.roles import PERMISSIONS, ROLES, permissions_of
from his.core.errors import PermissionRefused, Refusal


@dataclass(frozen=True, slots=True)
class Actor:
    """A user at work at one facility. `staff` is their practice record there, when they have one."""

    user: User
    facility: Facility
    permissions: frozenset[str]
    roles: frozenset[str]
    staff: Staff | None = None

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Refuse when the permission is missing."""
        if not self.may(permission):
            raise PermissionRefused(permission)

    def practitioner(self) -> Staff:
        """The staff record; refuse when the account has none, because claims must name a licence."""
        if self.staff is None:
            raise Refusal("no_staff", "Tài khoản chưa gắn với nhân viên có giấy phép hành nghề")
        return self.staff


def actor_for(user: User, facility: Facility) -> Actor:
    """The actor of a user at a facility. Refuses when the user has no active role there."""
    rows = list(
        Membership.objects.for_facility(facility)
        .filter(user=user, is_active=True, user__is_active=True)
        .select_related("staff")
    )
    if not rows:
        raise Refusal("not_member", "Tài khoản không thuộc cơ sở này")
    roles = frozenset(row.role for row in rows)
    staff = next((row.staff for row in rows if row.staff is not None), None)
    return Actor(user=user, facility=facility, permissions=permissions_of(set(roles)), roles=roles, staff=staff)


def facilities_of(user: User) -> list[Facility]:
    """Facilities where the user has an active role, by code."""
    return list(
        Facility.objects.filter(
            pk__in=Membership.objects.filter(user=user, is_active=True).values("facility_id")
        ).order_by("code")
    )


def facilities_where(user: User, permission: str) -> set[int]:
    """The keys of the facilities where the user has a role with the permission."""
    roles = [role for role, (_, held) in ROLES.items() if permission in held]
    rows = Membership.objects.filter(user=user, is_active=True, user__is_active=True, role__in=roles)
    return set(rows.values_list("facility_id", flat=True))


def system_actor(facility: Facility) -> Actor:
    """The account of scheduled work and commands at a facility: it has every permission and cannot sign in."""
    user, _ = User.objects.get_or_create(username="system", defaults={"first_name": "Hệ thống", "is_active": False})
    return Actor(user=user, facility=facility, permissions=frozenset(PERMISSIONS), roles=frozenset())
