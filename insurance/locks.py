"""The lock of a facility's claims: one at a time builds, exports or withdraws them (docs/locking.md)."""

from django.db import connection

from his.accounts.models import Facility

_SPACE = 7_305
"""First key of the advisory locks of this module; any number that no other module uses."""


def lock_claims(facility: Facility) -> None:
    """Hold the claims of the facility until the transaction ends; taken after the visit's row."""
    if not connection.in_atomic_block:
        raise RuntimeError("the claims of a facility are locked inside a transaction only")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_SPACE, facility.pk])
