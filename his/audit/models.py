"""Append-only record of what was done, by whom, when: a hash chain for each facility and month."""

import pgtrigger
from django.conf import settings
from django.db import models

from his.core.models import FacilityModel

APPEND_ONLY = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class AuditEntry(FacilityModel):
    """One completed service call. `digest` covers the entry and the digest before it in the same month."""

    month = models.CharField(max_length=7)
    position = models.PositiveIntegerField()
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.BigIntegerField(null=True)
    facts = models.JSONField(default=dict)
    previous_digest = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "month", "position"], name="audit_position")]
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_object")]
        triggers = APPEND_ONLY


class IdempotencyKey(FacilityModel):
    """A request that was already carried out, so that a repeated click or a retry does it once."""

    key = models.CharField(max_length=100)
    action = models.CharField(max_length=60)
    result_type = models.CharField(max_length=60, blank=True)
    result_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "action", "key"], name="idempotency_key")]
