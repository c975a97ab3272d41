"""Locks on names instead of rows, and how long locks last (docs/locking.md)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction

_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_SHARED = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"


def lock_name(*parts: object, is_shared: bool = False) -> None:
    """Hold the name until the end of the transaction; others who ask for it wait, at most the lock time-out.

    Those who hold it shared keep out only who wants it alone. Two names may share a lock by chance: they then wait
    for each other needlessly, never wrongly.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SHARED if is_shared else _ALONE, [":".join(str(p) for p in parts)])


# With the setting "off" a commit ends its locks without waiting for the disk. A later commit that does wait writes
# the log up to its own place, and so the earlier one too; this one holds nothing but an empty message.
_BEGIN = "SELECT set_config('lock_timeout', %s, true), set_config('synchronous_commit', 'off', true)"
_BEGIN_INSIDE = "SELECT set_config('lock_timeout', %s, true)"
_WAIT_FOR_DISK = "SELECT pg_logical_emit_message(true, 'his', '')"


@contextmanager
def short_locks() -> Iterator[None]:
    """A durable transaction that holds its locks until it is committed, not until the disk has answered.

    It returns when everything is on the disk, like any commit; several that wait share one write. Whoever gets a
    lock meanwhile builds on what is not on the disk yet, and is itself answered only later: after a power failure
    nobody was told of anything that is lost. Inside another transaction it is a part of that one.
    None of its statements waits for a lock longer than settings.LOCK_TIMEOUT; a pooler keeps that too.
    """
    if connection.in_atomic_block:
        with transaction.atomic():
            _say(_BEGIN_INSIDE, settings.LOCK_TIMEOUT)
            yield
        return
    with transaction.atomic():
        _say(_BEGIN, settings.LOCK_TIMEOUT)
        yield
    _say(_WAIT_FOR_DISK)


def _say(statement: str, *parameters: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
