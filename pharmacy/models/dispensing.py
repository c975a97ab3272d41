"""Prescriptions handed out, by line and lot."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from pharmacy.models.documents import StockDocument
from pharmacy.models.stock import Lot
from pharmacy.models.stores import Store


class Dispense(FacilityModel):
    """A prescription handed out from one store (cấp phát). At most one that is not reversed."""

    prescription = models.ForeignKey("patients.Prescription", on_delete=models.PROTECT, related_name="dispenses")
    document = models.OneToOneField(StockDocument, on_delete=models.PROTECT, related_name="dispense")
    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    dispensed_at = models.DateTimeField()
    dispensed_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    is_reversed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prescription"], condition=Q(is_reversed=False), name="dispense_once")
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]


class DispenseLine(FacilityModel):
    """How much of which lot covers a line of the prescription."""

    dispense = models.ForeignKey(Dispense, on_delete=models.PROTECT, related_name="lines")
    prescription_line = models.ForeignKey(
        "patients.PrescriptionLine", on_delete=models.PROTECT, related_name="dispensed"
    )
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=14, decimal_places=3)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="dispense_quantity_positive")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
