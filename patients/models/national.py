"""Prescriptions on their way to the national system (liên thông đơn thuốc quốc gia, TT 26/2025/TT-BYT)."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from patients.models.prescriptions import PrescriptionSheet


class NationalLink(FacilityModel):
    """That a facility sends its prescriptions, to which system, and from which day of signing on."""

    class System(models.TextChoices):
        STAND_IN = "stand_in", "Giả lập (để thử)"

    system = models.CharField("hệ thống", max_length=20, choices=System.choices)
    since = models.DateField("gửi đơn ký từ ngày")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility"], name="national_link_once")]


class PrescriptionSending(FacilityModel):
    """One paper in the queue to the national system; made before its first attempt.

    A paper with a code and no row here waits too: nothing that was signed can be missing. `body` is what was sent,
    `checksum` the system's answer to it. `unanswered` is what attempts without an answer may have left there: each
    content (`body`; null: nobody noted it) with the numbers of those `attempts`; null in rows from before attempts were
    noted. What was sent is never changed; the system knows no way to take it back.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Chờ gửi"
        SENT = "sent", "Đã gửi"
        REJECTED = "rejected", "Bị từ chối"

    sheet = models.OneToOneField(PrescriptionSheet, on_delete=models.PROTECT, related_name="sending")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    last_tried_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    checksum = models.CharField(max_length=128, blank=True)
    body = models.JSONField(null=True, blank=True)
    unanswered = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False, body__isnull=False, last_error="")
                | ~Q(state="sent") & Q(sent_at__isnull=True, checksum="", body__isnull=True) & ~Q(last_error=""),
                name="sending_sent_when",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", next_attempt_at__isnull=False)
                | ~Q(state="waiting") & Q(next_attempt_at__isnull=True),
                name="sending_waits_until",
            ),
        ]
        indexes = [models.Index(fields=["facility", "state"], name="sending_state")]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="sent_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state="sent")
            ),
        ]
