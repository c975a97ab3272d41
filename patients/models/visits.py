"""Visits, the queue and vital signs."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel
from patients.models.people import InsuranceCard, Patient, Source


class Route(models.TextChoices):
    """How the patient came; the entitlement code of the claim follows from it at closing (QĐ 3276/QĐ-BYT 2025)."""

    REGISTERED = "registered", "Đúng nơi đăng ký"
    SELF = "self", "Tự đến"
    REFERRAL = "referral", "Có phiếu chuyển"
    FOLLOW_UP = "follow_up", "Theo phiếu hẹn khám lại"
    EMERGENCY = "emergency", "Cấp cứu"
    RESIDENCE = "residence_change", "Thay đổi nơi lưu trú"


_LYING = """
IF EXISTS (SELECT 1 FROM patients_bedstay b WHERE b.visit_id = NEW.id AND b.ended_at IS NULL AND b.voided_at IS NULL)
THEN
    RAISE EXCEPTION 'a visit cannot be closed while its patient lies in a bed';
END IF;
RETURN NEW;
"""


class Visit(FacilityModel):
    """One visit from arrival to closing (lượt khám). `claim_code` (MA_LK) is given once and never changes."""

    class State(models.TextChoices):
        OPEN = "open", "Chờ khám"
        IN_EXAM = "in_exam", "Đang khám"
        EXAMINED = "examined", "Đã khám xong"
        CLOSED = "closed", "Đã chốt chi phí"
        CANCELLED = "cancelled", "Đã hủy"

    claim_code = models.CharField("mã liên kết", max_length=30, unique=True)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="visits")
    card = models.ForeignKey(InsuranceCard, null=True, blank=True, on_delete=models.PROTECT, related_name="visits")
    is_insured = models.BooleanField("khám BHYT", default=False)
    visit_type = models.CharField("loại hình KCB", max_length=2, default="01")
    route = models.CharField("đường đến", max_length=20, choices=Route.choices, default=Route.SELF)
    referral_facility_code = models.CharField("nơi chuyển đến", max_length=5, blank=True)
    referral_number = models.CharField("số giấy chuyển/hẹn", max_length=50, blank=True)
    injury_code = models.CharField("tai nạn", max_length=2, blank=True)
    reason = models.CharField("lý do đến khám", max_length=1000, blank=True)
    priority = models.BooleanField("ưu tiên", default=False)
    room = models.ForeignKey("his.Room", on_delete=models.PROTECT, related_name="+")
    department = models.ForeignKey("his.Department", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    identified_by = models.CharField(max_length=10, choices=Source.choices, default=Source.TYPED)
    arrived_at = models.DateTimeField("đến lúc")
    ended_at = models.DateTimeField("kết thúc lúc", null=True, blank=True)
    closed_at = models.DateTimeField("chốt lúc", null=True, blank=True)
    claim_month = models.DateField("tháng quyết toán", null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    opened_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("arrived_at")), name="visit_time_order"
            ),
            models.CheckConstraint(
                condition=Q(is_insured=False) | Q(card__isnull=False), name="visit_insured_has_card"
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(closed_at__isnull=False, claim_month__isnull=False),
                name="visit_closed_has_month",
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "arrived_at"], name="visit_arrival"),
            models.Index(fields=["facility", "claim_month", "claim_code"], name="visit_claim_month"),
            models.Index(fields=["facility", "state", "arrived_at"], name="visit_state"),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="claim_code_immutable",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__claim_code__df=pgtrigger.F("new__claim_code")),
            ),
            pgtrigger.Trigger(
                name="nobody_lies_in_closed",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("state"),
                condition=pgtrigger.Q(new__state="closed"),
                func=_LYING,
            ),
        ]

    def __str__(self) -> str:
        return self.claim_code


class QueueTicket(FacilityModel):
    """A number for one room on one day (số thứ tự); priority numbers are their own series."""

    class State(models.TextChoices):
        WAITING = "waiting", "Chờ"
        CALLED = "called", "Đã gọi"
        SERVING = "serving", "Đang phục vụ"
        DONE = "done", "Xong"
        SKIPPED = "skipped", "Vắng"

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="tickets")
    room = models.ForeignKey("his.Room", on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    is_priority = models.BooleanField(default=False)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    issued_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "day", "is_priority", "number"], name="ticket_number")]
        indexes = [
            models.Index(fields=["facility", "room", "day", "state"], name="ticket_waiting"),
            models.Index(fields=["facility", "issued_at"], name="ticket_issued"),
        ]

    @property
    def label(self) -> str:
        """As printed and called: A012 for priority, 012 otherwise."""
        return f"{'A' if self.is_priority else ''}{self.number:03d}"


class VitalSigns(FacilityModel):
    """One set of vital signs (dấu hiệu sinh tồn): beats and breaths a minute, °C, mmHg, %, kg, cm."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="vital_signs")
    taken_at = models.DateTimeField()
    taken_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    pulse = models.PositiveSmallIntegerField("mạch", null=True, blank=True)
    temperature = models.DecimalField("nhiệt độ", max_digits=3, decimal_places=1, null=True, blank=True)
    systolic = models.PositiveSmallIntegerField("huyết áp tối đa", null=True, blank=True)
    diastolic = models.PositiveSmallIntegerField("huyết áp tối thiểu", null=True, blank=True)
    respiration = models.PositiveSmallIntegerField("nhịp thở", null=True, blank=True)
    oxygen_saturation = models.PositiveSmallIntegerField("SpO2", null=True, blank=True)
    weight_kg = models.DecimalField("cân nặng", max_digits=5, decimal_places=2, null=True, blank=True)
    height_cm = models.DecimalField("chiều cao", max_digits=4, decimal_places=1, null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["visit", "taken_at"], name="vitals_visit")]
        constraints = [
            models.CheckConstraint(
                condition=Q(weight_kg__isnull=True) | Q(weight_kg__gt=0, weight_kg__lt=500), name="vitals_weight"
            ),
            models.CheckConstraint(
                condition=Q(temperature__isnull=True) | Q(temperature__gte=30, temperature__lte=45),
                name="vitals_temperature",
            ),
        ]
