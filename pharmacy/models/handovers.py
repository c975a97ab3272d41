"""Hand-overs of a ward cabinet between two shifts (bàn giao tủ trực)."""

from decimal import Decimal

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel
from pharmacy.models.stock import Lot
from pharmacy.models.stores import Store


class CabinetHandover(FacilityModel):
    """Two people counted a cabinet together. It changes no stock; a difference is settled by a document or a count."""

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="handovers")
    at = models.DateTimeField()
    given_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    taken_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(given_by=F("taken_by")), name="handover_two_people")]
        indexes = [models.Index(fields=["store", "at"], name="handover_time")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class CabinetHandoverLine(FacilityModel):
    """One lot: what the ledger said at that instant and what was counted, in units of the drug."""

    handover = models.ForeignKey(CabinetHandover, on_delete=models.PROTECT, related_name="lines")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="+")
    book_qty = models.DecimalField(max_digits=14, decimal_places=3)
    counted_qty = models.DecimalField(max_digits=14, decimal_places=3)
    note = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["handover", "lot"], name="handover_lot_once"),
            models.CheckConstraint(condition=Q(counted_qty__gte=0), name="handover_count_positive"),
            models.CheckConstraint(
                condition=Q(counted_qty=F("book_qty")) | ~Q(note=""), name="handover_difference_explained"
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def difference(self) -> Decimal:
        """Counted less booked."""
        difference: Decimal = self.counted_qty - self.book_qty
        return difference
