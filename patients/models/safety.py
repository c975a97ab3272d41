"""What prescribing safely needs to know of a person, and the reasons for prescribing against a warning."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import FacilityModel
from patients.allergens import NONE_KNOWN
from patients.models.clinical import Exam
from patients.models.people import Patient
from patients.models.visits import Visit


class PatientAllergy(FacilityModel):
    """An allergy to an ingredient or a group (dị ứng), or that none is known; ended, never changed."""

    class Reaction(models.TextChoices):
        UNKNOWN = "unknown", "Không rõ"
        RASH = "rash", "Mẩn ngứa, mày đay"
        ANGIOEDEMA = "angioedema", "Phù mạch"
        ANAPHYLAXIS = "anaphylaxis", "Phản vệ"
        SEVERE_SKIN = "severe_skin", "Phản ứng da nặng (SJS, TEN, DRESS)"
        BRONCHOSPASM = "bronchospasm", "Khó thở, co thắt phế quản"
        OTHER = "other", "Khác"

    SEVERE = frozenset({Reaction.ANAPHYLAXIS, Reaction.SEVERE_SKIN, Reaction.ANGIOEDEMA})
    """Reactions after which the drug is refused."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="coded_allergies")
    item = models.CharField("mã dị nguyên", max_length=100)
    name = models.CharField("dị nguyên", max_length=255)
    reaction = models.CharField("phản ứng", max_length=20, choices=Reaction.choices, default=Reaction.UNKNOWN)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "item"], condition=Q(ended_at__isnull=True), name="patient_allergy_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_by__isnull=False, ended_at__gte=F("recorded_at")),
                name="patient_allergy_end",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="ended_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False)
                | pgtrigger.Q(old__item__df=pgtrigger.F("new__item"))
                | pgtrigger.Q(old__reaction__df=pgtrigger.F("new__reaction"))
                | pgtrigger.Q(old__patient_id__df=pgtrigger.F("new__patient_id")),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]

    @property
    def is_none_known(self) -> bool:
        return bool(self.item == NONE_KNOWN)

    @property
    def is_severe(self) -> bool:
        return self.reaction in self.SEVERE


class HealthFacts(FacilityModel):
    """What was asked of a person in a visit: pregnant, breast-feeding, kidneys. Empty is not asked, and unknown.

    Pregnancy and breast-feeding hold for their visit, the kidneys until they are recorded anew. eGFR in ml/min/1,73 m².
    """

    class Answer(models.TextChoices):
        NO = "no", "Không"
        YES = "yes", "Có"

    class Kidneys(models.TextChoices):
        NORMAL = "normal", "Bình thường"
        MILD = "mild", "Giảm nhẹ (60-89)"
        MODERATE = "moderate", "Giảm vừa (30-59)"
        SEVERE = "severe", "Giảm nặng (15-29)"
        FAILURE = "failure", "Suy thận giai đoạn cuối (<15)"

    LOWEST_EGFR = {
        Kidneys.NORMAL: 90,
        Kidneys.MILD: 60,
        Kidneys.MODERATE: 30,
        Kidneys.SEVERE: 15,
        Kidneys.FAILURE: 5,
    }
    """The lowest eGFR of each class, which counts where no figure is known."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="health_facts")
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="health_facts")
    pregnancy = models.CharField("có thai", max_length=3, blank=True, choices=Answer.choices)
    lactation = models.CharField("cho con bú", max_length=3, blank=True, choices=Answer.choices)
    kidneys = models.CharField("chức năng thận", max_length=10, blank=True, choices=Kidneys.choices)
    egfr = models.DecimalField("eGFR", max_digits=4, decimal_places=1, null=True, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(pregnancy="", lactation="", kidneys="", egfr__isnull=True),
                name="health_facts_say_something",
            ),
            models.CheckConstraint(
                condition=Q(egfr__isnull=True) | Q(egfr__gt=0, egfr__lte=200), name="health_facts_egfr"
            ),
        ]
        indexes = [models.Index(fields=["patient", "at"], name="health_facts_patient")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class SafetyOverride(FacilityModel):
    """Why a doctor prescribes against a warning (lý do vẫn kê): of several for one `key` the last counts.

    `rule`, `severity` and `message` are what was shown. Nothing is added once the examination is signed.
    """

    class Reason(models.TextChoices):
        BENEFIT = "benefit", "Lợi ích lớn hơn nguy cơ, có theo dõi"
        TOLERATED = "tolerated", "Đã dùng, dung nạp tốt"
        TIMING = "timing", "Đã đổi giờ dùng"
        DOSE = "dose", "Đã chỉnh liều"
        CONSULTED = "consulted", "Hội chẩn"
        OTHER = "other", "Khác"

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="overrides")
    rule = models.CharField(max_length=100)
    key = models.CharField(max_length=64)
    severity = models.CharField(max_length=10)
    message = models.TextField()
    reason_code = models.CharField("lý do", max_length=10, choices=Reason.choices)
    words = models.CharField("ghi rõ", max_length=500, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason_code="other", words=""), name="override_other_has_words")
        ]
        indexes = [models.Index(fields=["exam", "key"], name="override_exam")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="not_after_signing",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (SELECT 1 FROM patients_exam e WHERE e.id = NEW.exam_id AND e.signed_at IS NOT NULL) THEN
                        RAISE EXCEPTION 'a signed examination is frozen';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class SafetyGap(FacilityModel):
    """A check of a prescription that could not be made when it was stored or signed: which one, when, for whom."""

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="safety_gaps")
    stage = models.CharField(max_length=10)
    title = models.CharField(max_length=255)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
