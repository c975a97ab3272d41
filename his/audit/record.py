"""Writing and checking the audit chain."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from his.accounts.models import Facility
from his.audit.models import AuditEntry
from his.core.dates import local

Statement = tuple[str, tuple[Any, ...]]
"""SQL and its parameters."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One action to record: who did what to which row, with figures but without personal data."""

    user_id: int | None
    action: str
    object_type: str
    object_id: int | None
    facts: dict[str, Any]


# Two statements in one message: what the second sees begins after the lock is held. The digest of an entry needs the
# position and the digest before it, so it is computed here, over the same text as in `digest_of`.
_APPEND = """
SELECT pg_advisory_xact_lock(hashtextextended(%(chain)s, 0));
WITH RECURSIVE given AS (
    SELECT * FROM unnest(%(users)s::bigint[], %(actions)s::text[], %(types)s::text[], %(ids)s::bigint[],
        %(facts)s::jsonb[], %(texts)s::text[])
        WITH ORDINALITY AS g (user_id, action, object_type, object_id, facts, text, place)
), last AS (
    SELECT position, digest FROM his_auditentry WHERE facility_id = %(facility)s AND month = %(month)s
    ORDER BY position DESC LIMIT 1
), entry AS (
    SELECT 0::bigint AS place, coalesce((SELECT position FROM last), 0) AS position, '' AS previous,
        coalesce((SELECT digest::text FROM last), '') AS digest
    UNION ALL
    SELECT g.place, e.position + 1, e.digest,
        encode(sha256(convert_to(%(head)s || (e.position + 1) || g.text || e.digest || '"]', 'UTF8')), 'hex')
    FROM entry e JOIN given g ON g.place = e.place + 1
)
INSERT INTO his_auditentry (facility_id, month, position, at, user_id, action, object_type, object_id, facts,
    previous_digest, digest)
SELECT %(facility)s, %(month)s, e.position, %(at)s, g.user_id, g.action, g.object_type, g.object_id, g.facts,
    e.previous, e.digest
FROM entry e JOIN given g USING (place)
ORDER BY place
"""


def append_entries(
    facility: Facility, entries: Sequence[Entry], *, at: datetime, after: Sequence[Statement] = ()
) -> None:
    """Add entries to the chain of the facility and month of `at`, in one message to the database.

    Runs last in its transaction, because it takes the lock of the chain. The statements `after` which it comes go in
    the same message.
    """
    month = local(at).strftime("%Y-%m")
    contents = [
        [_microseconds(at), entry.user_id, entry.action, entry.object_type, entry.object_id, entry.facts]
        for entry in entries
    ]
    values = {
        "chain": f"audit:{facility.pk}:{month}",
        "facility": facility.pk,
        "month": month,
        "at": at,
        "head": f"{_json([facility.pk, month])[:-1]}, ",
        "users": [entry.user_id for entry in entries],
        "actions": [entry.action for entry in entries],
        "types": [entry.object_type for entry in entries],
        "ids": [entry.object_id for entry in entries],
        "facts": [_json(entry.facts) for entry in entries],
        "texts": [f', {_json(content)[1:-1]}, "' for content in contents],
    }
    with connection.cursor() as cursor:
        before = b"".join(cursor.mogrify(statement, parameters) + b";" for statement, parameters in after)
        cursor.execute((before + cursor.mogrify(_APPEND, values)).decode())


def digest_of(row: AuditEntry) -> str:
    """SHA-256 over the entry and the digest before it."""
    content = [
        row.facility_id,
        row.month,
        row.position,
        _microseconds(row.at),
        row.user_id,
        row.action,
        row.object_type,
        row.object_id,
        row.facts,
        row.previous_digest,
    ]
    return hashlib.sha256(_json(content).encode()).hexdigest()


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _json(content: Any) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def broken_positions(facility: Facility, month: str) -> list[int]:
    """Positions of the month whose digest or link to the entry before does not hold; empty when the chain is whole."""
    broken, previous = [], ""
    for expected, row in enumerate(
        AuditEntry.objects.filter(facility=facility, month=month).order_by("position").iterator(), 1
    ):
        if row.position != expected or row.previous_digest != previous or row.digest != digest_of(row):
            broken.append(row.position)
        previous = row.digest
    return broken
