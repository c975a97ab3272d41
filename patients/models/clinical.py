"""The examination: findings, diagnoses, orders with results, clinical notes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel
from patients.models.visits import Visit
from patients.notices import Notice
from patients.shortages import NotReserved

if TYPE_CHECKING:
    from patients.models.cases import DiseaseCase
    from patients.models.prescriptions import Prescription

_FROZEN = """
    IF EXISTS (SELECT 1 FROM patients_exam e WHERE e.signed_at IS NOT NULL AND %s) THEN
        RAISE EXCEPTION 'a signed examination is frozen';
    END IF;
    RETURN COALESCE(NEW, OLD);
"""


def frozen_when_signed(signed: str) -> pgtrigger.Trigger:
    """Refuse to change or delete a row once its examination is signed; `signed` is the condition that finds it."""
    return pgtrigger.Trigger(
        name="signed_is_frozen",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=_FROZEN % signed,
    )


class Exam(FacilityModel):
    """One examination by one doctor in one room (khám bệnh); signing freezes it, later changes are amendments."""

    class Outcome(models.TextChoices):
        HOME = "home", "Cho về"
        FOLLOW_UP = "follow_up", "Hẹn khám lại"
        HOME_REQUEST = "home_request", "Xin ra viện"
        TRANSFER = "transfer", "Chuyển cơ sở khác"
        TRANSFER_REQUEST = "transfer_request", "Chuyển theo yêu cầu"

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="exams")
    room = models.ForeignKey("his.Room", on_delete=models.PROTECT, related_name="+")
    department = models.ForeignKey("his.Department", on_delete=models.PROTECT, related_name="+")
    doctor = models.ForeignKey("his.Staff", on_delete=models.PROTECT, related_name="+")
    service_code = models.CharField("mã công khám", max_length=50)
    started_at = models.DateTimeField()
    reason = models.CharField("lý do khám", max_length=1000, blank=True)
    history = models.TextField("bệnh sử, tiền sử", blank=True)
    findings = models.TextField("khám", blank=True)
    treatment = models.CharField("phương pháp điều trị", max_length=1000, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome.choices, blank=True)
    treatment_result_code = models.CharField("kết quả điều trị", max_length=1, blank=True)
    follow_up_on = models.DateField("ngày hẹn", null=True, blank=True)
    transfer_facility_code = models.CharField("nơi chuyển đến", max_length=5, blank=True)
    transfer_reason = models.CharField("ghi rõ lý do chuyển", max_length=1000, blank=True)
    transfer_reason_code = models.CharField("lý do chuyển", max_length=1, blank=True)
    transfer_condition = models.TextField("tình trạng lúc chuyển", blank=True)
    transfer_plan = models.TextField("hướng điều trị", blank=True)
    transport = models.CharField("phương tiện vận chuyển", max_length=255, blank=True)
    escort_name = models.CharField("người hộ tống", max_length=255, blank=True)
    escort_title = models.CharField("chức danh người hộ tống", max_length=255, blank=True)
    transfer_number = models.CharField("số giấy chuyển", max_length=50, blank=True)
    follow_up_number = models.CharField("số phiếu hẹn", max_length=50, blank=True)
    advice = models.CharField("lời dặn", max_length=2000, blank=True)
    draft_saved_at = models.DateTimeField(null=True, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    signed_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    snapshot = models.JSONField(null=True, blank=True)
    snapshot_sha256 = models.CharField(max_length=64, blank=True)

    notices: Sequence[Notice] = ()
    not_reserved: Sequence[NotReserved] = ()
    cases: "Sequence[DiseaseCase]" = ()
    """What signing found without refusing, and the cases that it opened; not stored here."""
    stamp: str = ""
    """Of an exam that was just saved: what its texts and diagnoses are then (`patients.services.unseen`)."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(signed_at__isnull=True) | Q(signed_by__isnull=False, snapshot__isnull=False),
                name="exam_signed_has_snapshot",
            ),
            models.UniqueConstraint(
                fields=["facility", "transfer_number"], condition=~Q(transfer_number=""), name="exam_transfer_number"
            ),
            models.UniqueConstraint(
                fields=["facility", "follow_up_number"], condition=~Q(follow_up_number=""), name="exam_follow_up_number"
            ),
        ]
        indexes = [models.Index(fields=["visit"], name="exam_visit")]
        triggers = [
            pgtrigger.Protect(
                name="signed_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__signed_at__isnull=False),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]

    @property
    def is_signed(self) -> bool:
        return self.signed_at is not None

    @property
    def prescription(self) -> "Prescription | None":
        """The prescription that is valid; those that it replaced are left out."""
        return next((row for row in self.prescriptions.all() if row.voided_at is None), None)


class ExamAmendment(FacilityModel):
    """A correction after signing: what was added, by whom, when, and why (bổ sung hồ sơ).

    `prescription` is the one signed with it in place of another, `snapshot` what was signed of it.
    """

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="amendments")
    text = models.TextField()
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    prescription = models.OneToOneField(
        "patients.Prescription", null=True, blank=True, on_delete=models.PROTECT, related_name="amendment"
    )
    snapshot = models.JSONField(null=True, blank=True)
    snapshot_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(prescription__isnull=True) | Q(snapshot__isnull=False), name="amendment_has_snapshot"
            )
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class VisitDiagnosis(FacilityModel):
    """A diagnosis of the visit (chẩn đoán): one main, others in order. The name is copied as it was that day."""

    exam = models.ForeignKey(Exam, on_delete=models.CASCADE, related_name="diagnoses")
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="diagnoses")
    code = models.CharField(max_length=8)
    name = models.CharField(max_length=500)
    is_main = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=1)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-is_main", "position"]
        constraints = [
            models.UniqueConstraint(fields=["exam", "code"], name="diagnosis_once"),
            models.UniqueConstraint(fields=["exam"], condition=Q(is_main=True), name="one_main_diagnosis"),
        ]
        indexes = [models.Index(fields=["visit"], name="visit_diagnosis_visit")]
        triggers = [frozen_when_signed("e.id = OLD.exam_id")]


class ServiceOrder(FacilityModel):
    """A service ordered in an examination (chỉ định dịch vụ) until its result."""

    class State(models.TextChoices):
        ORDERED = "ordered", "Chờ thực hiện"
        PERFORMED = "performed", "Đã có kết quả"
        CANCELLED = "cancelled", "Đã hủy"

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="orders")
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="orders")
    service = models.ForeignKey("his.PricedService", on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=10, decimal_places=3, default=1)
    is_insured = models.BooleanField("BHYT", default=True)
    is_on_demand = models.BooleanField("theo yêu cầu", default=False)
    note = models.CharField(max_length=500, blank=True)
    diagnosis_code = models.CharField(max_length=8, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ORDERED)
    ordered_at = models.DateTimeField()
    ordered_by = models.ForeignKey("his.Staff", on_delete=models.PROTECT, related_name="+")
    department = models.ForeignKey(
        "his.Department", on_delete=models.PROTECT, related_name="+", verbose_name="khoa thực hiện"
    )
    performed_at = models.DateTimeField(null=True, blank=True)
    performed_by = models.ForeignKey("his.Staff", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    result_at = models.DateTimeField(null=True, blank=True)
    device_code = models.CharField(max_length=100, blank=True)
    cancel_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_quantity_positive"),
            models.CheckConstraint(
                condition=Q(performed_at__isnull=True) | Q(performed_at__gte=F("ordered_at")), name="order_time_order"
            ),
        ]
        indexes = [
            models.Index(fields=["visit"], name="order_visit"),
            models.Index(fields=["facility", "state", "ordered_at"], name="order_waiting"),
        ]
        triggers = [frozen_when_signed("e.id = OLD.exam_id")]

    @property
    def unit_price(self) -> Decimal:
        """What one unit costs by the list of the order, đồng; shown, never charged."""
        on_demand = self.service.on_demand_price if self.is_on_demand else None
        price: Decimal = self.service.price if on_demand is None else on_demand
        return price

    @property
    def extra_amount(self) -> Decimal:
        """What the patient pays for all units above the usual price, đồng."""
        usual: Decimal = self.service.usual_price(is_insured=self.is_insured)
        return max(self.unit_price - usual, Decimal(0)) * self.quantity


class PriceNotice(FacilityModel):
    """The patient was told what a service costs them above the usual price (báo chênh lệch giá): who, when, how much.

    `amount` is đồng a unit. One notice is enough for the service in the visit, up to that amount.
    """

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="price_notices")
    service_code = models.CharField(max_length=50)
    amount = models.DecimalField(max_digits=15, decimal_places=3)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="price_notice_amount_positive")]
        indexes = [models.Index(fields=["visit"], name="price_notice_visit")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class ServiceResult(FacilityModel):
    """One indicator or reading of an order (kết quả): a value with unit, or a description and conclusion."""

    order = models.ForeignKey(ServiceOrder, on_delete=models.PROTECT, related_name="results")
    position = models.PositiveSmallIntegerField(default=1)
    indicator_code = models.CharField(max_length=255, blank=True)
    indicator_name = models.CharField(max_length=255)
    value = models.CharField(max_length=255, blank=True)
    unit = models.CharField(max_length=50, blank=True)
    reference = models.CharField(max_length=100, blank=True)
    is_abnormal = models.BooleanField(default=False)
    description = models.TextField(blank=True)
    conclusion = models.TextField(blank=True)
    resulted_at = models.DateTimeField()
    read_by = models.ForeignKey("his.Staff", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["order", "position"], name="result_position")]
        triggers = [
            frozen_when_signed("e.id = (SELECT o.exam_id FROM patients_serviceorder o WHERE o.id = OLD.order_id)")
        ]


class ClinicalNote(FacilityModel):
    """A note on the clinical course (diễn biến lâm sàng), one row of table XML5 of the claim."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField()
    text = models.TextField()
    stage = models.TextField(blank=True)
    consultation = models.TextField(blank=True)
    procedure = models.TextField(blank=True)
    written_by = models.ForeignKey("his.Staff", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["at", "id"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
