"""Locks on names instead of rows, for numbers that count what does not exist yet (docs/locking.md)."""

from django.db import connection


def lock_name(*parts: object) -> None:
    """Hold the name until the end of the transaction; others who ask for it wait, at most the lock time-out.

    Two names may share a lock by chance: they then wait for each other needlessly, never wrongly.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [":".join(str(p) for p in parts)])
