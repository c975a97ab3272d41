"""Snapshots of reports: values, checks and the versions they rest on."""

from django.db import models

from his.core.models import FacilityModel


class ReportRun(FacilityModel):
    """One run of a form for a period; the values are frozen (lần lập báo cáo)."""

    form = models.CharField(max_length=30)
    period_start = models.DateField()
    period_end = models.DateField()
    version = models.PositiveIntegerField()
    values = models.JSONField()
    checks = models.JSONField(default=list)
    sha256 = models.CharField(max_length=64)
    run_at = models.DateTimeField()
    run_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "form", "period_start", "version"], name="report_run_version")
        ]
