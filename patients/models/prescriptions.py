"""Prescriptions: their papers (sheets) by the control class of the drugs, and their lines."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from his.core.models import FacilityModel
from patients import dosing
from patients.models.clinical import Exam, frozen_when_signed
from patients.models.visits import Visit

_ONLY_VOIDED = """
    IF OLD.voided_at IS NOT NULL OR NEW.voided_at IS NULL
        OR to_jsonb(NEW) - ARRAY['voided_at', 'voided_by_id', 'void_reason']
        <> to_jsonb(OLD) - ARRAY['voided_at', 'voided_by_id', 'void_reason'] THEN
        RAISE EXCEPTION 'a signed prescription is frozen';
    END IF;
    RETURN NEW;
"""


class Prescription(FacilityModel):
    """A prescription of an examination (đơn thuốc). Signed together with it, then frozen.

    A signed one is never changed: another replaces it, and it is void from then on (TT 26/2025/TT-BYT).
    """

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="prescriptions")
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="prescriptions")
    number = models.CharField(max_length=30)
    note = models.CharField(max_length=1000, blank=True)
    prescribed_by = models.ForeignKey("his.Staff", on_delete=models.PROTECT, related_name="+")
    prescribed_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True, blank=True)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by", verbose_name="thay cho đơn"
    )
    voided_at = models.DateTimeField("bị thay lúc", null=True, blank=True)
    voided_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    void_reason = models.CharField("lý do thay đơn", max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "number"], name="prescription_number"),
            models.UniqueConstraint(
                fields=["exam"], condition=Q(voided_at__isnull=True), name="one_valid_prescription"
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, voided_by__isnull=True, void_reason="")
                | (Q(voided_at__isnull=False, voided_by__isnull=False, signed_at__isnull=False) & ~Q(void_reason="")),
                name="prescription_void_is_told",
            ),
        ]
        indexes = [
            models.Index(fields=["visit"], name="prescription_visit"),
            models.Index(fields=["facility", "signed_at"], name="prescription_signed"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="signed_is_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__signed_at__isnull=False),
                func=_ONLY_VOIDED,
            )
        ]

    @property
    def is_signed(self) -> bool:
        return self.signed_at is not None

    @property
    def is_void(self) -> bool:
        return self.voided_at is not None


class PrescriptionSheet(FacilityModel):
    """One paper of a signed prescription (TT 26/2025/TT-BYT): the drugs of one kind under a code of their own.

    Made by signing, never changed. The code is empty when the facility had none from the national system then.
    Narcotics for more days than one paper holds stand on consecutive ones: `part` counts them, `first_day` to
    `last_day` are the days of treatment, and the drugs are fetched from `valid_from` on. The lines name the first.
    """

    class Kind(models.TextChoices):
        ORDINARY = "C", "Đơn thuốc"
        NARCOTIC = "N", "Đơn thuốc N (gây nghiện)"
        PSYCHOTROPIC = "H", "Đơn thuốc H (hướng thần, tiền chất)"
        HERBS = "T", "Đơn thuốc thang"

    prescription = models.ForeignKey(Prescription, on_delete=models.PROTECT, related_name="sheets")
    kind = models.CharField(max_length=1, choices=Kind.choices)
    code = models.CharField("mã đơn thuốc", max_length=14, blank=True)
    valid_until = models.DateField("có giá trị đến hết ngày")
    part = models.PositiveSmallIntegerField("đơn thứ", default=1)
    valid_from = models.DateField("lĩnh từ ngày", null=True, blank=True)
    first_day = models.DateField("dùng từ ngày", null=True, blank=True)
    last_day = models.DateField("dùng đến hết ngày", null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["prescription", "kind", "part"], name="prescription_sheet_kind"),
            models.CheckConstraint(
                condition=Q(part=1, valid_from__isnull=True, first_day__isnull=True, last_day__isnull=True)
                | Q(valid_from__isnull=False, first_day__isnull=False, last_day__isnull=False)
                & Q(part__gte=1, valid_from__lte=F("valid_until"), first_day__lte=F("last_day")),
                name="prescription_sheet_part",
            ),
            # Upper case, because readers of either style must find the one paper.
            models.UniqueConstraint("facility", Upper("code"), condition=~Q(code=""), name="prescription_sheet_code"),
            models.CheckConstraint(
                condition=Q(code="") | Q(code__regex=r"^[0-9A-Za-z]{5}[0-9a-z]{7}-[NHCT]$", code__endswith=F("kind")),
                name="prescription_sheet_code_form",
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def is_long_pain(self) -> bool:
        """Whether it holds narcotics for the pain of cancer or AIDS."""
        if self.kind != self.Kind.NARCOTIC:
            return False
        mains = self.prescription.exam.diagnoses.filter(is_main=True).values_list("code", flat=True)
        return any(dosing.is_long_pain(code) for code in mains)


class PrescriptionLine(FacilityModel):
    """One drug of a prescription: doses by time of day, days, and the quantity in units of the drug."""

    prescription = models.ForeignKey(Prescription, on_delete=models.CASCADE, related_name="lines")
    sheet = models.ForeignKey(PrescriptionSheet, null=True, blank=True, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    drug = models.ForeignKey("his.Drug", on_delete=models.PROTECT, related_name="+")
    morning = models.DecimalField("sáng", max_digits=6, decimal_places=2, default=0)
    noon = models.DecimalField("trưa", max_digits=6, decimal_places=2, default=0)
    afternoon = models.DecimalField("chiều", max_digits=6, decimal_places=2, default=0)
    evening = models.DecimalField("tối", max_digits=6, decimal_places=2, default=0)
    days = models.PositiveSmallIntegerField("số ngày")
    quantity = models.DecimalField("số lượng", max_digits=10, decimal_places=3)
    usage = models.CharField("cách dùng", max_length=500, blank=True)
    is_insured = models.BooleanField("BHYT", default=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["prescription", "position"], name="prescription_line_position"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="prescription_quantity_positive"),
            models.CheckConstraint(condition=Q(days__gte=1), name="prescription_days_positive"),
        ]
        triggers = [
            frozen_when_signed(
                "e.id = (SELECT p.exam_id FROM patients_prescription p WHERE p.id = OLD.prescription_id)"
            )
        ]
