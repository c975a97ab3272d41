"""Stock that is kept for signed prescriptions until it is collected."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from pharmacy.models.stock import Lot
from pharmacy.models.stores import Store


class Reservation(FacilityModel):
    """So much of a lot kept for a line of a signed prescription (giữ thuốc), before `until`.

    While it is held it counts in the balance's `reserved`, which only `pharmacy.services.holds` changes. Ended ones
    stay as they are.
    """

    class State(models.TextChoices):
        HELD = "held", "Đang giữ"
        USED = "used", "Đã cấp phát"
        RELEASED = "released", "Đã bỏ giữ"

    prescription_line = models.ForeignKey(
        "patients.PrescriptionLine", on_delete=models.PROTECT, related_name="reservations"
    )
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="reservations")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="reservations")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    state = models.CharField(max_length=10, choices=State.choices, default=State.HELD)
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="reservation_quantity_positive"),
            models.CheckConstraint(
                condition=Q(state="held", ended_at__isnull=True) | (~Q(state="held") & Q(ended_at__isnull=False)),
                name="reservation_ended_when",
            ),
            models.UniqueConstraint(
                fields=["prescription_line", "store", "lot"], condition=Q(state="held"), name="reservation_held_once"
            ),
        ]
        indexes = [
            models.Index(fields=["store", "lot"], condition=Q(state="held"), name="reservation_held"),
            models.Index(fields=["facility", "until"], condition=Q(state="held"), name="reservation_until"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="ended_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__in=["used", "released"]),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]
