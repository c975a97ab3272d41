"""Snapshots of reports: values, checks and the versions they rest on."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import QuerySet

from his.accounts.models import Facility
from his.core.models import FacilityModel
from reports.bank.models import BankLine, BankMatch, BankStatement
from reports.briefing.models import Briefing, BriefingCell
from reports.filing_models import RUN_TRIGGER, DutyOwner, DutyTick, Filing, FilingStep
from reports.period import Period
from reports.registers.models import PrintedLine, RegisterEarlier, RegisterEntry, RegisterPrint, RegisterSetting

__all__ = [
    "BankLine",
    "BankMatch",
    "BankStatement",
    "Briefing",
    "BriefingCell",
    "DutyOwner",
    "DutyTick",
    "Filing",
    "FilingStep",
    "PrintedLine",
    "Reconciliation",
    "RegisterEarlier",
    "RegisterEntry",
    "RegisterPrint",
    "RegisterSetting",
    "ReportBasis",
    "ReportRun",
]


class ReportRun(FacilityModel):
    """One run of a form for a period, of the facility or of one store of it (its code); the values are frozen."""

    form = models.CharField(max_length=30)
    store = models.CharField(max_length=20, blank=True)
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
            models.UniqueConstraint(
                fields=["facility", "form", "store", "period_start", "period_end", "version"], name="report_run_version"
            )
        ]
        triggers = [RUN_TRIGGER]

    @classmethod
    def of(cls, facility: Facility, form: str, period: Period, store: str = "") -> QuerySet[ReportRun]:
        """All versions of a report: of a form and period, of the facility or of one store (its code)."""
        key = {"form": form, "store": store, "period_start": period.start, "period_end": period.end}
        return cls.objects.for_facility(facility).filter(**key)

    @property
    def period(self) -> Period:
        """The span of the report."""
        return Period(self.period_start, self.period_end)

    @property
    def report(self) -> dict[str, Any]:
        """What names the report that this is a version of, as columns; a filing of it has them too."""
        return {name: getattr(self, name) for name in ("form", "store", "period_start", "period_end")}


class ReportBasis(models.Model):
    """The facts that a run counted (căn cứ của biểu): with them every figure names what it counts, however late."""

    run = models.OneToOneField(ReportRun, on_delete=models.PROTECT, primary_key=True, related_name="basis")
    content = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return str(self.run_id)


class Reconciliation(FacilityModel):
    """What was found when all numbers of a month were held against each other (lần đối chiếu số liệu).

    `checks` is a list of `{name, title, compared, count, differences: [{ref, what}]}`, of the differences no more than
    are shown.
    """

    month = models.DateField()
    checks = models.JSONField(default=list)
    difference_count = models.PositiveIntegerField()
    run_at = models.DateTimeField()
    run_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["facility", "-run_at"], name="reconciliation_latest")]
