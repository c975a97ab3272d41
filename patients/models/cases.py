"""Cases of infectious diseases that must be reported, and what happened to each (ca bệnh truyền nhiễm)."""

from datetime import datetime

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from his.core.models import FacilityModel
from patients.models.clinical import Exam
from patients.models.people import Patient
from patients.models.visits import Visit
from patients.notifiable import CLINICAL, CONFIRMED, DISEASE_MAX, NAME_MAX, SUSPECTED

_PERIOD = Func(
    F("detected_on"),
    F("detected_on") + F("repeat_days"),
    RangeBoundary(),
    function="DATERANGE",
    output_field=DateRangeField(),
)


class DiseaseCase(FacilityModel):
    """One case of one person (ca bệnh), opened by signing a diagnosis; it is excluded, never deleted.

    The clock runs from the begin of the examination: `due_at` is empty when the case is only counted. What the sheet
    asks and nobody knows is empty. `repeat_days` from `detected_on` no second case of the disease stands.
    """

    class CaseClass(models.TextChoices):
        SUSPECTED = SUSPECTED, "Nghi ngờ"
        CLINICAL = CLINICAL, "Lâm sàng"
        CONFIRMED = CONFIRMED, "Xác định"

    class State(models.TextChoices):
        OPEN = "open", "Chưa báo"
        REPORTED = "reported", "Đã báo"
        DISCHARGED = "discharged", "Đã cập nhật ra viện"
        EXCLUDED = "excluded", "Loại trừ"

    class Channel(models.TextChoices):
        SYSTEM = "system", "Hệ thống giám sát"
        OTHER = "other", "Điện thoại, văn bản (nhập bù sau)"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="disease_cases")
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="disease_cases")
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="disease_cases")
    disease = models.CharField(max_length=DISEASE_MAX)
    name = models.CharField("bệnh", max_length=NAME_MAX)
    group = models.CharField("nhóm", max_length=1)
    diagnosis_code = models.CharField(max_length=8)
    diagnosis_name = models.CharField(max_length=500)
    case_class = models.CharField("phân loại", max_length=10, choices=CaseClass.choices)
    repeat_days = models.PositiveIntegerField()
    detected_at = models.DateTimeField("khám phát hiện lúc")
    detected_on = models.DateField("ngày phát hiện")
    opened_at = models.DateTimeField("ký lúc")
    due_at = models.DateTimeField("hạn báo", null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    channel = models.CharField("cách báo", max_length=10, choices=Channel.choices, blank=True)
    system_code = models.CharField("mã ca trên hệ thống", max_length=50, blank=True)
    reported_at = models.DateTimeField("báo lúc", null=True, blank=True)
    reported_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    exclusion_reason = models.CharField("lý do loại trừ", max_length=500, blank=True)
    died_at = models.DateTimeField("tử vong lúc", null=True, blank=True)
    death_due_at = models.DateTimeField("hạn báo tử vong", null=True, blank=True)
    death_reported_at = models.DateTimeField("báo tử vong lúc", null=True, blank=True)

    onset_on = models.DateField("ngày khởi phát", null=True, blank=True)
    workplace = models.CharField("nơi học, làm việc", max_length=500, blank=True)
    contact_history = models.CharField("yếu tố tiếp xúc", max_length=1000, blank=True)
    travel_history = models.CharField("đi lại, vùng dịch", max_length=1000, blank=True)
    vaccination = models.CharField("tiêm chủng", max_length=500, blank=True)
    agent = models.CharField("tác nhân", max_length=255, blank=True)
    symptoms = models.TextField("triệu chứng", blank=True)
    treatment = models.TextField("điều trị", blank=True)
    outcome = models.CharField("kết quả điều trị", max_length=255, blank=True)
    specimen = models.CharField("mẫu bệnh phẩm", max_length=255, blank=True)
    specimen_on = models.DateField("ngày lấy mẫu", null=True, blank=True)
    test_result = models.TextField("xét nghiệm, kết quả", blank=True)

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="case_once_in_its_days",
                expressions=[
                    ("patient", RangeOperators.EQUAL),
                    ("disease", RangeOperators.EQUAL),
                    (_PERIOD, RangeOperators.OVERLAPS),
                ],
                condition=~Q(state="excluded"),
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "excluded"])
                | (Q(reported_at__isnull=False, reported_by__isnull=False) & ~Q(channel="")),
                name="case_reported_says_how",
            ),
            models.CheckConstraint(condition=~Q(channel="system", system_code=""), name="case_in_system_has_code"),
            models.CheckConstraint(condition=~Q(state="excluded", exclusion_reason=""), name="case_excluded_says_why"),
            models.CheckConstraint(
                condition=Q(died_at__isnull=True, death_due_at__isnull=True, death_reported_at__isnull=True)
                | Q(died_at__isnull=False, death_due_at__isnull=False),
                name="case_death_has_clock",
            ),
            models.CheckConstraint(
                condition=Q(repeat_days__gte=1) & Q(opened_at__gte=F("detected_at")), name="case_times"
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "due_at"], condition=Q(state="open"), name="case_open"),
            models.Index(
                fields=["facility", "death_due_at"],
                condition=Q(died_at__isnull=False, death_reported_at__isnull=True),
                name="case_death_open",
            ),
            models.Index(fields=["facility", "detected_on"], name="case_detected"),
            models.Index(fields=["patient", "disease"], name="case_patient"),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="origin_is_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "facility", "patient", "visit", "exam", "disease", "detected_at", "detected_on", "opened_at"
                ),
            ),
        ]

    last_review: str = ""
    """Of a case that was read with its clock: `amended` or `sheet`, whichever was last; empty when neither was."""

    def __str__(self) -> str:
        return f"{self.name} {self.visit_id}"

    @property
    def needs_review(self) -> bool:
        """Whether an exam of the case was amended and nobody has kept the sheet since; nothing else settles it."""
        return self.state != self.State.EXCLUDED and self.last_review == CaseEvent.Kind.AMENDED

    def is_late_at(self, at: datetime) -> bool:
        """Whether a report at an instant comes after its clock; what is only counted is never late."""
        return self.due_at is not None and at > self.due_at

    def is_death_late_at(self, at: datetime) -> bool:
        """Whether a report of the death at an instant comes after its own clock."""
        return self.death_due_at is not None and at > self.death_due_at

    @property
    def needs_back_entry(self) -> bool:
        """Whether it was reported by other means and must still be entered on the surveillance system."""
        return self.state != self.State.EXCLUDED and self.channel == self.Channel.OTHER

    @property
    def is_death_unreported(self) -> bool:
        return self.died_at is not None and self.death_reported_at is None


class CaseEvent(FacilityModel):
    """What happened to a case: who, when, what; never changed."""

    class Kind(models.TextChoices):
        OPENED = "opened", "Mở ca"
        SEEN_AGAIN = "seen_again", "Chẩn đoán lại trong thời gian tính một ca"
        AMENDED = "amended", "Phiếu khám có bổ sung, cần xem lại"
        SHEET = "sheet", "Lưu phiếu điều tra"
        REPORTED = "reported", "Đã báo ca"
        BACK_ENTERED = "back_entered", "Đã nhập bù lên hệ thống"
        CLASSIFIED = "classified", "Đổi phân loại ca"
        DISCHARGED = "discharged", "Cập nhật ra viện"
        DIED = "died", "Tử vong"
        DEATH_REPORTED = "death_reported", "Đã báo tử vong"
        EXCLUDED = "excluded", "Loại trừ"
        RESTORED = "restored", "Bỏ loại trừ"

    case = models.ForeignKey(DiseaseCase, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    text = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["case", "at"], name="case_event_case")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
