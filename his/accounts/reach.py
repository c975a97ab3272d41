"""Whose figures are asked for: those of the actor's own facility, or those of a group that it leads.

Everything else in the product sees one facility. A sum over several is asked with a `Reach`, which only these two
functions make, each after its permission; a query takes it by `Model.objects.for_reach(...)` and gives figures by
facility, never rows of people. So the group is the only way across, and a test reads the code for another.
"""

from __future__ import annotations

from dataclasses import dataclass

from his.accounts.actor import Actor
from his.accounts.models import Facility, FacilityGroup
from his.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Reach:
    """The facilities whose figures somebody may add up, by code."""

    facilities: tuple[Facility, ...]

    @property
    def ids(self) -> list[int]:
        """Their keys."""
        return [facility.pk for facility in self.facilities]


def own_reach(actor: Actor) -> Reach:
    """The facility where the actor works. Refuses without the permission `overview.view`."""
    actor.require("overview.view")
    return Reach((actor.facility,))


def groups_of(actor: Actor) -> list[FacilityGroup]:
    """The groups that the actor's facility leads, by code. Refuses without the permission `overview.group`."""
    actor.require("overview.group")
    return list(FacilityGroup.objects.for_facility(actor.facility).order_by("code"))


def group_of(actor: Actor, pk: int) -> FacilityGroup:
    """One of these groups; another facility's is not found."""
    found = next((group for group in groups_of(actor) if group.pk == pk), None)
    if found is None:
        raise NotFound("Không tìm thấy nhóm cơ sở")
    return found


def group_reach(actor: Actor, group: FacilityGroup) -> Reach:
    """The facilities of a group that the actor's facility leads."""
    return Reach(tuple(group_of(actor, group.pk).members.order_by("code")))
