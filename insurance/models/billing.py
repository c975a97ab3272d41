"""Charges and the stored benefit split."""

from decimal import Decimal
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Round

from his.core.models import FacilityModel
from his.core.money import ZERO

MONEY: dict[str, Any] = {"max_digits": 17, "decimal_places": 2}
PRICE: dict[str, Any] = {"max_digits": 15, "decimal_places": 3}


class Charge(FacilityModel):
    """One chargeable thing, pulled once from its source; price, rates and law are copied then (khoản chi phí).

    Prices are đồng a unit; rates are percent. `source_kind`/`source_id` name the exam, the order, the prescription
    line or the substitute that was dispensed, the stay in a bed, or what else is registered as an origin
    (`insurance.billing.origins`).
    """

    class SourceKind(models.TextChoices):
        """The kinds that other modules name; the registered origins say which there are."""

        EXAM = "exam", "Công khám"
        ORDER = "order", "Dịch vụ"
        PRESCRIPTION_LINE = "prescription_line", "Thuốc"
        SUBSTITUTION = "substitution", "Thuốc thay thế"
        BED = "bed", "Ngày giường"
        MEDICAL_BED = "medical_bed", "Ngày giường nội khoa sau mổ"

        @classmethod
        def of_bed(cls, *, is_medical: bool, part: int) -> str:
            """The kind of bed days: where the price of one stay changes to and fro, the later ones have a number."""
            kind = cls.MEDICAL_BED if is_medical else cls.BED
            return f"{kind}_{part + 1}" if part else str(kind)

        @classmethod
        def is_bed(cls, kind: str) -> bool:
            """Whether something of the kind is days in a bed."""
            return kind.rstrip("_0123456789") in {cls.BED, cls.MEDICAL_BED}

    class LineKind(models.TextChoices):
        EXAM = "exam", "Khám bệnh"
        SERVICE = "service", "Dịch vụ"
        DRUG = "drug", "Thuốc"
        SUPPLY = "supply", "Vật tư"
        BED = "bed", "Giường"

    visit = models.ForeignKey("patients.Visit", on_delete=models.PROTECT, related_name="charges")
    source_kind = models.CharField(max_length=20)
    source_id = models.BigIntegerField()
    line_kind = models.CharField(max_length=10, choices=LineKind.choices)
    group_code = models.CharField("nhóm chi phí", max_length=2)
    code = models.CharField(max_length=255)
    name = models.CharField(max_length=1024)
    unit = models.CharField(max_length=50)
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    hospital_price = models.DecimalField(**PRICE)
    insured_price = models.DecimalField(**PRICE)
    service_rate = models.DecimalField("tỷ lệ dịch vụ", max_digits=5, decimal_places=2, null=True, blank=True)
    payment_rate = models.DecimalField("tỷ lệ BHYT", max_digits=5, decimal_places=2, default=100)
    scope_code = models.CharField(max_length=1, default="1")
    price_law = models.CharField(max_length=255, blank=True)
    reasons = models.JSONField("vì sao", default=list, blank=True)
    """Why the quantity and the rate are what they are, each with its law in brackets; the split's line has them."""
    ordered_at = models.DateTimeField()
    created_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source_kind", "source_id"], condition=Q(cancelled_at__isnull=True), name="charge_once"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="charge_quantity_positive"),
            models.CheckConstraint(
                condition=Q(hospital_price__gte=0, insured_price__gte=0), name="charge_price_positive"
            ),
        ]
        indexes = [models.Index(fields=["visit"], name="charge_visit")]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]


class SelfPayChoice(FacilityModel):
    """The patient wishes to pay one thing alone although the fund would pay a part (tự nguyện chi trả).

    It names the source and not the charge, so that it outlives a charge that is pulled anew.
    """

    visit = models.ForeignKey("patients.Visit", on_delete=models.PROTECT, related_name="self_pay_choices")
    source_kind = models.CharField(max_length=20)
    source_id = models.BigIntegerField()
    name = models.CharField("khoản", max_length=1024)
    reason = models.CharField("lý do", max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source_kind", "source_id"], condition=Q(withdrawn_at__isnull=True), name="self_pay_choice_once"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="self_pay_choice_has_reason"),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="self_pay_choice_withdrawn_by",
            ),
        ]
        indexes = [models.Index(fields=["visit"], name="self_pay_choice_visit")]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="only_withdrawn",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["withdrawn_at", "withdrawn_by"]),
            ),
            pgtrigger.Protect(
                name="withdrawn_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
        ]


class BenefitResult(FacilityModel):
    """The one answer to who pays what in a visit (kết quả tách chi phí): read everywhere, recomputed nowhere.

    `waived_amount` is no part of the split: the database keeps it as the sum of the visit's `FeeWaiver` rows.
    """

    visit = models.ForeignKey("patients.Visit", on_delete=models.PROTECT, related_name="benefit_results")
    version = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    computed_at = models.DateTimeField()
    computed_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    entitlement_code = models.CharField(max_length=5)
    card_percent = models.DecimalField(max_digits=5, decimal_places=2)
    route_percent = models.DecimalField(max_digits=5, decimal_places=2)
    total_hospital_amount = models.DecimalField(**MONEY)
    total_insured_amount = models.DecimalField(**MONEY)
    fund_amount = models.DecimalField(**MONEY)
    copay_amount = models.DecimalField(**MONEY)
    self_paid_amount = models.DecimalField(**MONEY)
    other_amount = models.DecimalField(**MONEY)
    fund_fee_for_service_amount = models.DecimalField(**MONEY)
    waived_amount = models.DecimalField("miễn giảm", **MONEY, default=ZERO)
    explanation = models.JSONField(default=list)
    parameters = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visit", "version"], name="benefit_version"),
            models.UniqueConstraint(fields=["visit"], condition=Q(is_current=True), name="benefit_current"),
            models.CheckConstraint(
                condition=Q(
                    total_hospital_amount=F("fund_amount")
                    + F("copay_amount")
                    + F("self_paid_amount")
                    + F("other_amount")
                ),
                name="benefit_parts_are_whole",
            ),
            models.CheckConstraint(
                condition=Q(waived_amount__gte=0, waived_amount__lte=Round(F("copay_amount") + F("self_paid_amount"))),
                name="benefit_waived_within_patient_part",
            ),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    @property
    def patient_amount(self) -> Decimal:
        """The patient's part before waivers: co-payment and self-paid part, đồng."""
        return self.copay_amount + self.self_paid_amount


class BenefitLine(FacilityModel):
    """The split of one charge; the parts sum to the whole."""

    result = models.ForeignKey(BenefitResult, on_delete=models.PROTECT, related_name="lines")
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="benefit_lines")
    position = models.PositiveIntegerField()
    service_rate = models.DecimalField(max_digits=5, decimal_places=2)
    payment_rate = models.DecimalField(max_digits=5, decimal_places=2)
    benefit_percent = models.DecimalField(max_digits=5, decimal_places=2)
    hospital_amount = models.DecimalField(**MONEY)
    insured_amount = models.DecimalField(**MONEY)
    fund_amount = models.DecimalField(**MONEY)
    copay_amount = models.DecimalField(**MONEY)
    self_paid_amount = models.DecimalField(**MONEY)
    other_amount = models.DecimalField(**MONEY)
    ceiling_amount = models.DecimalField(**MONEY, null=True, blank=True)
    reasons = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["result", "charge"], name="benefit_line_once"),
            models.CheckConstraint(
                condition=Q(
                    hospital_amount=F("fund_amount") + F("copay_amount") + F("self_paid_amount") + F("other_amount")
                ),
                name="benefit_line_parts_are_whole",
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def patient_amount(self) -> Decimal:
        """The patient's part of the line before waivers, đồng."""
        return self.copay_amount + self.self_paid_amount
