"""Records of controlled drugs that patients brought back (biên bản nhận lại thuốc, TT 18/2026/TT-BYT annex XVIII)."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from pharmacy.models.dispensing import PatientReturn


class ReturnRecord(FacilityModel):
    """What a patient or their family handed in of drugs under special control, as both sides saw it.

    `rows` are plain texts, one a lot: name, unit, quantity, expiry, condition, reason, note. `patient_text` and
    `received_by_name` say who it was as they were called then. It is made with the return and never changed; a return
    that was undone shows on the print.
    """

    patient_return = models.OneToOneField(PatientReturn, on_delete=models.PROTECT, related_name="record")
    number = models.CharField(max_length=30)
    handed_by = models.CharField("người giao", max_length=255)
    handed_by_id_number = models.CharField("số định danh người giao", max_length=20, blank=True)
    patient_text = models.CharField("người bệnh", max_length=500)
    received_by_name = models.CharField("người nhận", max_length=255)
    received_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    rows = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "number"], name="return_record_number"),
            models.CheckConstraint(condition=~Q(handed_by=""), name="return_record_handed_by"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.number
