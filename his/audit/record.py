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


@dataclass(frozen=True, slots=True)
class Entry:
    """One action to record: who did what to which row, with figures but without personal data."""

    user_id: int | None
    action: str
    object_type: str
    object_id: int | None
    facts: dict[str, Any]


def append_entries(facility: Facility, entries: Sequence[Entry], *, at: datetime) -> None:
    """Add entries to the chain of the facility and month of `at`.

    Runs last in its transaction, because it takes the lock of the chain.
    """
    month = local(at).strftime("%Y-%m")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"audit:{facility.pk}:{month}"])
    chain = AuditEntry.objects.filter(facility=facility, month=month)
    position, digest = chain.order_by("-position").values_list("position", "digest").first() or (0, "")
    rows = []
    for entry in entries:
        position += 1
        row = AuditEntry(
            facility=facility,
            month=month,
            position=position,
            at=at,
            user_id=entry.user_id,
            action=entry.action,
            object_type=entry.object_type,
            object_id=entry.object_id,
            facts=entry.facts,
            previous_digest=digest,
        )
        row.digest = digest = digest_of(row)
        rows.append(row)
    AuditEntry.objects.bulk_create(rows)


def digest_of(row: AuditEntry) -> str:
    """SHA-256 over the entry and the digest before it."""
    content = [
        row.facility_id,
        row.month,
        row.position,
        round(row.at.timestamp() * 1_000_000),
        row.user_id,
        row.action,
        row.object_type,
        row.object_id,
        row.facts,
        row.previous_digest,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


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
