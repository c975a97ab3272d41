"""Prescriptions that the pharmacy sends back to the prescriber."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from patients.models.prescriptions import Prescription


class PrescriptionRefusal(FacilityModel):
    """A signed prescription that the pharmacist does not hand out (từ chối cấp), and why.

    The doctor sees it; while it stands nothing is handed out. It is withdrawn, never deleted.
    """

    class Reason(models.TextChoices):
        DOSE = "dose", "Liều, số lượng cần xem lại"
        INTERACTION = "interaction", "Tương tác, trùng hoạt chất"
        ALLERGY = "allergy", "Dị ứng, chống chỉ định"
        UNCLEAR = "unclear", "Đơn ghi chưa rõ, thiếu thông tin"
        OUT_OF_STOCK = "out_of_stock", "Hết thuốc, không có thuốc thay thế"
        LAPSED = "lapsed", "Đơn hết hiệu lực"
        OTHER = "other", "Lý do khác"

    prescription = models.ForeignKey(Prescription, on_delete=models.PROTECT, related_name="refusals")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    note = models.CharField("ghi rõ", max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_note = models.CharField("lý do rút", max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["prescription"], condition=Q(withdrawn_at__isnull=True), name="prescription_refused_once"
            ),
            models.CheckConstraint(condition=~Q(note=""), name="prescription_refusal_says_why"),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="prescription_refusal_withdrawn_by",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="only_withdrawn",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["withdrawn_at", "withdrawn_by", "withdrawn_note"]),
            ),
            pgtrigger.Protect(
                name="withdrawn_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
        ]
