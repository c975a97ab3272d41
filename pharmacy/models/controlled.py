"""Closed days of the books of drugs under special control, and who signed them (TT 18/2026/TT-BYT)."""

import pgtrigger
from django.db import models

from his.catalogs.models import ControlClass
from his.core.models import FacilityModel
from pharmacy.models.stores import Store


class ControlledPage(FacilityModel):
    """One day of the book of one control class in one store, closed: its rows as they were, with their fingerprint."""

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+")
    control_class = models.CharField(max_length=20, choices=ControlClass.choices)
    day = models.DateField()
    rows = models.JSONField()
    sha256 = models.CharField(max_length=64)
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "control_class", "day"], name="controlled_page_once"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class ControlledSignature(FacilityModel):
    """A signature under a closed day. Who keeps the drugs and who heads the unit are two people."""

    class Role(models.TextChoices):
        KEEPER = "keeper", "Người quản lý thuốc"
        HEAD = "head", "Người đứng đầu cơ sở"

    page = models.ForeignKey(ControlledPage, on_delete=models.PROTECT, related_name="signatures")
    role = models.CharField(max_length=10, choices=Role.choices)
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["page", "role"], name="controlled_signature_role"),
            models.UniqueConstraint(fields=["page", "by"], name="controlled_signature_two_people"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
