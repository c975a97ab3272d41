"""Briefings: the cells that are written over or beside what was counted, and the frozen values of a locked one."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel

_FROZEN = """
    IF EXISTS (SELECT 1 FROM reports_briefing b WHERE b.id = %s.briefing_id AND b.locked_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a locked briefing is frozen';
    END IF;
    RETURN NEW;
"""


class Briefing(FacilityModel):
    """The briefing of a morning (báo cáo giao ban), about 07:00 of the day before to 07:00 of `day`.

    A draft has no values of its own: they are counted when it is looked at. Locking keeps them as they are shown.
    """

    day = models.DateField()
    locked_at = models.DateTimeField("chốt lúc", null=True, blank=True)
    locked_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    values = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "day"], name="briefing_once_a_day"),
            models.CheckConstraint(
                condition=Q(locked_at__isnull=True, locked_by__isnull=True, values__isnull=True)
                | Q(locked_at__isnull=False, locked_by__isnull=False, values__isnull=False),
                name="briefing_locked_has_values",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="locked_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__locked_at__isnull=False),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]


class BriefingCell(FacilityModel):
    """What was written into one cell: a figure that stands before the counted one, a note, or both."""

    briefing = models.ForeignKey(Briefing, on_delete=models.PROTECT, related_name="cells")
    department = models.ForeignKey("his.Department", on_delete=models.PROTECT, related_name="+")
    metric = models.CharField(max_length=20)
    written = models.PositiveIntegerField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["briefing", "department", "metric"], name="briefing_cell")]
        triggers = [
            pgtrigger.Trigger(
                name="locked_is_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=_FROZEN % "NEW",
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]
