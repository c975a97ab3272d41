"""Where people lie: the beds of a visit, one after the other (buồng bệnh, giường bệnh)."""

from typing import Any

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from his.core.models import FacilityModel
from patients.models.people import Patient
from patients.models.visits import Visit

SHARES = ((1, "1 người"), (2, "2 người"), (3, "3 người trở lên"))

_FROZEN = """
IF EXISTS (SELECT 1 FROM patients_visit v WHERE v.id = NEW.visit_id AND v.state IN ('closed', 'cancelled')) THEN
    RAISE EXCEPTION 'the bed stays of a finished visit are frozen';
END IF;
SELECT v.patient_id INTO NEW.patient_id FROM patients_visit v WHERE v.id = NEW.visit_id;
RETURN NEW;
"""


class BedStay(FacilityModel):
    """Some time in one bed (nằm giường) at one price and one share; whoever moves begins another stay.

    `service_code` is the bed day in the price list; `medical_service_code` the bed day that counts once the days of
    the surgical price are used up (TT 39/2018 Đ6 k3), empty for beds that are not surgical. `patients_in_bed` counts
    who lies in the bed, 3 standing for three and more. A stay without `ended_at` is going on. `patient` is that of the
    visit, written by the database.
    """

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="bed_stays")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+", editable=False)
    department = models.ForeignKey("his.Department", on_delete=models.PROTECT, related_name="+")
    bed_code = models.CharField("mã giường", max_length=4)
    service_code = models.CharField("ngày giường", max_length=50)
    medical_service_code = models.CharField("ngày giường nội khoa sau mổ", max_length=50, blank=True)
    patients_in_bed = models.PositiveSmallIntegerField("số người nằm", choices=SHARES, default=1)
    is_stretcher = models.BooleanField("băng ca, giường gấp", default=False)
    former_visit_type = models.CharField("loại hình trước khi vào khoa", max_length=2, blank=True)
    """Of an admission: what the visit was before. Empty for a bed that somebody moved to."""
    started_at = models.DateTimeField("từ lúc")
    ended_at = models.DateTimeField("đến lúc", null=True, blank=True)
    started_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    ended_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    voided_at = models.DateTimeField("bỏ lúc", null=True, blank=True)
    voided_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    void_reason = models.CharField("lý do bỏ", max_length=500, blank=True)

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gt=F("started_at")), name="bed_stay_time_order"
            ),
            models.CheckConstraint(condition=Q(bed_code__regex=r"^[HTCK][0-9]{3}$"), name="bed_stay_bed_code"),
            models.CheckConstraint(condition=Q(patients_in_bed__range=(1, 3)), name="bed_stay_share"),
            models.CheckConstraint(
                condition=Q(is_stretcher=False) | Q(bed_code__startswith="K"), name="bed_stay_stretcher_is_other_bed"
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, voided_by__isnull=True, void_reason="")
                | Q(voided_at__isnull=False, voided_by__isnull=False) & ~Q(void_reason=""),
                name="bed_stay_void_has_reason",
            ),
            # The stays of one person, and so those of one visit.
            ExclusionConstraint(
                name="bed_stay_one_at_a_time",
                expressions=[
                    ("patient", RangeOperators.EQUAL),
                    (
                        Func(
                            F("started_at"),
                            F("ended_at"),
                            RangeBoundary(),
                            function="TSTZRANGE",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(voided_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["visit", "started_at"], name="bed_stay_visit"),
            models.Index(
                fields=["facility", "department"],
                condition=Q(ended_at__isnull=True, voided_at__isnull=True),
                name="bed_stay_lying",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="visit_is_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__visit_id__df=pgtrigger.F("new__visit_id")),
            ),
            pgtrigger.Trigger(
                name="of_an_open_visit",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=_FROZEN,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bed_code} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def seen(self) -> str:
        """Which stay this is and how it stands: a screen sends it with a step, which somebody else may have taken."""
        return f"{self.pk}:{self.ended_at.isoformat() if self.ended_at else 'lying'}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store with the patient of the visit, as the database would write it."""
        self.patient_id = self.visit.patient_id
        super().save(*args, **kwargs)
