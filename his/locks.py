"""Locks on names instead of rows, for numbers that count what does not exist yet (docs/locking.md)."""

from django.db import connection

_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_SHARED = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"


def lock_name(*parts: object, is_shared: bool = False) -> None:
    """Hold the name until the end of the transaction; others who ask for it wait, at most the lock time-out.

    Those who hold it shared keep out only who wants it alone. Two names may share a lock by chance: they then wait
    for each other needlessly, never wrongly.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SHARED if is_shared else _ALONE, [":".join(str(p) for p in parts)])
