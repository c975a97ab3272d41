"""The register of patients whose chronic disease is under management (người bệnh đang quản lý)."""

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from his.core.models import FacilityModel
from patients.models.people import Patient

_PERIOD = Func(F("enrolled_on"), F("ended_on"), RangeBoundary(), function="DATERANGE", output_field=DateRangeField())


class ManagedPatient(FacilityModel):
    """One person under management for one disease of `managed_diseases.csv`, from a day until it ends.

    The day of the end is not a day of management any more. Periods of one person and disease never overlap.

    `declined`: a clinician said that a proposed person is not to be managed, so that nobody is asked again. Who does
    not come any more is not stored: it follows from the last visit.
    """

    class State(models.TextChoices):
        MANAGED = "managed", "Đang quản lý"
        TRANSFERRED = "transferred", "Chuyển nơi khác quản lý"
        DIED = "died", "Tử vong"
        ENDED = "ended", "Thôi quản lý"
        DECLINED = "declined", "Không quản lý"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="managed_diseases")
    disease = models.CharField(max_length=40)
    diagnosis_code = models.CharField("mã ICD-10", max_length=8)
    enrolled_on = models.DateField("quản lý từ ngày")
    is_newly_found = models.BooleanField("phát hiện mới", default=False)
    """Whether the disease was found now, and not known and treated before."""
    note = models.CharField("ghi chú", max_length=500, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.MANAGED)
    ended_on = models.DateField("đến ngày", null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    end_reason = models.CharField("lý do, nơi chuyển đến", max_length=500, blank=True)

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="managed_once_at_a_time",
                expressions=[
                    ("patient", RangeOperators.EQUAL),
                    ("disease", RangeOperators.EQUAL),
                    (_PERIOD, RangeOperators.OVERLAPS),
                ],
                condition=~Q(state="declined"),
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["managed", "declined"],
                    ended_on__isnull=True,
                    ended_at__isnull=True,
                    ended_by__isnull=True,
                )
                | Q(
                    state__in=["transferred", "died", "ended"],
                    ended_on__isnull=False,  # a comparison with nothing is unknown, and a CHECK lets that pass
                    ended_on__gte=F("enrolled_on"),
                    ended_at__isnull=False,
                    ended_by__isnull=False,
                ),
                name="managed_end",
            ),
            models.CheckConstraint(
                condition=Q(state="managed", end_reason="")
                | Q(state="died")
                | Q(state__in=["transferred", "ended", "declined"]) & ~Q(end_reason=""),
                name="managed_end_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["facility", "disease", "state"], name="managed_disease"),
            models.Index(fields=["patient"], name="managed_patient"),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="only_ended",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["state", "ended_on", "ended_at", "ended_by", "end_reason"]),
            ),
            pgtrigger.Protect(
                name="ended_once",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="managed"),
            ),
        ]
