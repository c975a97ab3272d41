"""The locks of a visit and of a facility's claims, in this order (docs/locking.md)."""

from django.db import connection

from his.accounts.models import Facility
from patients.models import Visit

_SPACE = 7_305
"""First key of the advisory locks of this module; any number that no other module uses."""


def lock_visit(visit: Visit) -> Visit:
    """The visit as stored, locked until the end of the transaction: first in the order of docs/locking.md."""
    return Visit.objects.select_for_update(of=("self",)).select_related("patient", "card", "facility").get(pk=visit.pk)


def lock_claims(facility: Facility) -> None:
    """Hold the claims of the facility until the transaction ends; taken after the visit's row."""
    if not connection.in_atomic_block:
        raise RuntimeError("the claims of a facility are locked inside a transaction only")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_SPACE, facility.pk])
