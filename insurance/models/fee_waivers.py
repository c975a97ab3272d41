"""Waivers: money that the facility lets a patient keep (miễn giảm viện phí), as rows that are only ever added."""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import FacilityModel
from insurance.models.billing import MONEY, BenefitLine, BenefitResult

_SUM = """
IF NEW.kind = 'cancellation' AND NOT EXISTS (
    SELECT FROM insurance_feewaiver g
    WHERE g.id = NEW.cancels_id AND g.kind = 'grant' AND g.amount = NEW.amount AND g.result_id = NEW.result_id
) THEN
    RAISE EXCEPTION 'a cancellation takes back the whole of one grant' USING ERRCODE = 'check_violation';
END IF;
UPDATE insurance_benefitresult
SET waived_amount = waived_amount + CASE NEW.kind WHEN 'grant' THEN NEW.amount ELSE -NEW.amount END
WHERE id = NEW.result_id;
RETURN NULL;
"""


class FeeWaiver(FacilityModel):
    """One waiver of a part of what the patient pays, or the row that takes one back.

    `amount` is whole đồng, always positive. A grant is for one line or, without, for the whole visit; `percent` is
    kept when it was given as one, so that a corrected split gets it anew (`carried_from`). The database adds every row
    to `BenefitResult.waived_amount` and refuses a sum below zero or above what the patient pays. The split itself, the
    claim and the fund's part know nothing of it.
    """

    class Kind(models.TextChoices):
        GRANT = "grant", "Miễn giảm"
        CANCELLATION = "cancellation", "Hủy miễn giảm"

    class Reason(models.TextChoices):
        HARDSHIP = "hardship", "Hoàn cảnh khó khăn"
        POLICY = "policy", "Đối tượng chính sách của cơ sở"
        STAFF = "staff", "Nhân viên, thân nhân nhân viên"
        SERVICE = "service", "Sự cố, phục vụ chưa đạt"
        OTHER = "other", "Lý do khác"

    visit = models.ForeignKey("patients.Visit", on_delete=models.PROTECT, related_name="fee_waivers")
    result = models.ForeignKey(BenefitResult, on_delete=models.PROTECT, related_name="fee_waivers")
    line = models.ForeignKey(
        BenefitLine, null=True, blank=True, on_delete=models.PROTECT, related_name="fee_waivers", verbose_name="khoản"
    )
    kind = models.CharField(max_length=15, choices=Kind.choices, default=Kind.GRANT)
    percent = models.DecimalField("phần trăm", max_digits=5, decimal_places=2, null=True, blank=True)
    amount = models.DecimalField("số tiền", **MONEY)
    reason_code = models.CharField("lý do", max_length=10, choices=Reason.choices)
    reason = models.CharField("nói rõ", max_length=500)
    cancels = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="cancelled_by", verbose_name="hủy"
    )
    carried_from = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="carried_to", verbose_name="theo"
    )
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="fee_waiver_amount_positive"),
            models.CheckConstraint(
                condition=Q(percent__isnull=True) | Q(percent__gt=0, percent__lte=100), name="fee_waiver_percent"
            ),
            models.CheckConstraint(
                condition=Q(kind="grant", cancels__isnull=True)
                | Q(kind="cancellation", cancels__isnull=False, carried_from__isnull=True),
                name="fee_waiver_cancels_one",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="fee_waiver_has_reason"),
        ]
        indexes = [
            models.Index(fields=["visit"], name="fee_waiver_visit"),
            models.Index(fields=["facility", "at"], name="fee_waiver_time"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(name="adds_to_result", when=pgtrigger.After, operation=pgtrigger.Insert, func=_SUM),
        ]
