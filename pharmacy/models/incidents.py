"""Reports of lost or mixed-up drugs under special control (TT 18/2026/TT-BYT annex XI)."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from pharmacy.models.documents import StockDocument

_F = pgtrigger.F
_SAID_ELSE = (
    pgtrigger.Q(old__rows__df=_F("new__rows"))
    | pgtrigger.Q(old__kind__df=_F("new__kind"))
    | pgtrigger.Q(old__found_at__df=_F("new__found_at"))
    | pgtrigger.Q(old__sha256__df=_F("new__sha256"))
    | pgtrigger.Q(old__signed_by__df=_F("new__signed_by"))
    | pgtrigger.Q(old__signed_at__df=_F("new__signed_at"))
)
_NOT_SENT = {"sent_no": "", "sent_to": "", "sent_at__isnull": True, "sent_by__isnull": True}
_SIGNED = Q(signed_by__isnull=False, signed_at__isnull=False)


class ControlledIncident(FacilityModel):
    """A loss or mix-up that is reported within 48 hours (báo cáo đột xuất), or was decided not to be one.

    It says what one stock document took out or found too much. `rows` are its controlled drugs with cause and measure
    as plain texts; from the signature of the head on they stand, with their SHA-256. `found_at`: when it was noticed,
    from then the hours count.
    """

    class Kind(models.TextChoices):
        LOSS = "loss", "Thất thoát"
        MIX_UP = "mix_up", "Nhầm lẫn"

    class State(models.TextChoices):
        DRAFTED = "drafted", "Đang lập"
        SIGNED = "signed", "Đã ký, chưa gửi"
        SENT = "sent", "Đã gửi"
        DISMISSED = "dismissed", "Không phải báo cáo"

    number = models.CharField(max_length=30)
    document = models.OneToOneField(StockDocument, on_delete=models.PROTECT, related_name="incident")
    kind = models.CharField("loại", max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFTED)
    found_at = models.DateTimeField("phát hiện lúc")
    rows = models.JSONField()
    drafted_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField()
    signed_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    sent_no = models.CharField("số công văn", max_length=50, blank=True)
    sent_to = models.CharField("nơi nhận", max_length=255, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    dismiss_reason = models.CharField("lý do không báo cáo", max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "number"], name="incident_number"),
            models.CheckConstraint(
                condition=Q(state="drafted", signed_by__isnull=True, signed_at__isnull=True, sha256="", **_NOT_SENT)
                | Q(state="signed", **_NOT_SENT) & _SIGNED & ~Q(sha256="")
                | Q(state="sent", sent_at__isnull=False, sent_by__isnull=False)
                & _SIGNED
                & ~Q(sha256="")
                & ~Q(sent_no="")
                & ~Q(sent_to="")
                | Q(state="dismissed", **_NOT_SENT) & _SIGNED & ~Q(dismiss_reason=""),
                name="incident_state",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="ended_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__in=["sent", "dismissed"]),
            ),
            pgtrigger.Protect(
                name="signed_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="signed") & (_SAID_ELSE | pgtrigger.Q(new__state="drafted")),
            ),
            pgtrigger.Protect(
                name="document_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__document__df=_F("new__document")),
            ),
        ]

    def __str__(self) -> str:
        return self.number
