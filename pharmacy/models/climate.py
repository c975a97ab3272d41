"""Temperature and humidity of the places where drugs lie, and what became of lots after a deviation."""

from typing import Any

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.catalogs.models import Storage
from his.core.models import FacilityModel
from pharmacy.climate import AFTERNOON, MORNING, Range
from pharmacy.models.stock import Lot
from pharmacy.models.stores import Store

_DEGREES: Any = {"max_digits": 5, "decimal_places": 1}


class ClimatePoint(FacilityModel):
    """A place in a store that is measured twice a day (điểm theo dõi): a room, a refrigerator, a freezer.

    `device` is the thermometer. `storage` says which drugs lie there; the empty one: those kept at room temperature.
    """

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="climate_points")
    name = models.CharField("điểm theo dõi", max_length=100)
    device = models.CharField("thiết bị đo", max_length=100)
    storage = models.CharField("điều kiện bảo quản", max_length=10, choices=Storage.choices, blank=True)
    low = models.DecimalField("thấp nhất (°C)", **_DEGREES)
    high = models.DecimalField("cao nhất (°C)", **_DEGREES)
    humidity_high = models.DecimalField("độ ẩm cao nhất (%)", null=True, blank=True, **_DEGREES)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "name"], name="climate_point_name"),
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="climate_point_range"),
            models.CheckConstraint(condition=~Q(device=""), name="climate_point_device"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def range(self) -> Range:
        return Range(self.low, self.high, self.humidity_high)


class ClimateReading(FacilityModel):
    """What was measured at a point in the morning or the afternoon of a day. Never changed; a slip of the pen is
    voided with a reason, and measured anew. A reading out of range says what was done."""

    class Shift(models.TextChoices):
        MORNING = MORNING, "Sáng"
        AFTERNOON = AFTERNOON, "Chiều"

    point = models.ForeignKey(ClimatePoint, on_delete=models.PROTECT, related_name="readings")
    day = models.DateField()
    shift = models.CharField(max_length=10, choices=Shift.choices)
    at = models.DateTimeField()
    temperature = models.DecimalField(**_DEGREES)
    humidity = models.DecimalField(null=True, blank=True, **_DEGREES)
    deviation = models.CharField("sai lệch", max_length=100, blank=True)
    action = models.CharField("xử trí", max_length=500, blank=True)
    recorded_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    void_reason = models.CharField("lý do bỏ", max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["point", "day", "shift"], condition=Q(voided_at__isnull=True), name="climate_reading_once"
            ),
            models.CheckConstraint(condition=Q(deviation="") | ~Q(action=""), name="climate_deviation_action"),
            models.CheckConstraint(
                condition=Q(humidity__isnull=True) | Q(humidity__gte=0, humidity__lte=100), name="climate_humidity"
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, voided_by__isnull=True, void_reason="")
                | Q(voided_at__isnull=False, voided_by__isnull=False) & ~Q(void_reason=""),
                name="climate_reading_voided",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="only_voided",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["voided_at", "voided_by", "void_reason"]),
            ),
            pgtrigger.Protect(
                name="voided_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__voided_at__isnull=False)
            ),
        ]


class QuarantinedLot(FacilityModel):
    """A lot that lay at a point when it was out of range, held until the head of pharmacy decided (cách ly).

    `quantity` is what the store held then. "Use on" ends this hold; the lot is free when nothing else holds it.
    """

    class Decision(models.TextChoices):
        USE = "use", "Dùng tiếp"
        DESTROY = "destroy", "Hủy"

    reading = models.ForeignKey(ClimateReading, on_delete=models.PROTECT, related_name="quarantined")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="quarantines")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    decision = models.CharField("quyết định", max_length=10, choices=Decision.choices, blank=True)
    reason = models.CharField("căn cứ", max_length=500, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reading", "lot"], name="quarantine_once"),
            models.CheckConstraint(
                condition=Q(decision="", reason="", decided_at__isnull=True, decided_by__isnull=True)
                | ~Q(decision="") & ~Q(reason="") & Q(decided_at__isnull=False, decided_by__isnull=False),
                name="quarantine_decided",
            ),
        ]
        indexes = [models.Index(fields=["facility"], condition=Q(decision=""), name="quarantine_open")]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="decided_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__decision__in=["use", "destroy"]),
            ),
        ]

    @property
    def standing_text(self) -> str:
        """Why the lot is held still, as it goes on after its number."""
        if self.decision == self.Decision.DESTROY:
            return f"đã quyết định hủy, còn ở {self.reading.point.store.name}"
        return "đang cách ly, chờ trưởng khoa Dược quyết định"
