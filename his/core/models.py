"""Abstract bases: rows that belong to a facility, and rows that hold for a period."""

from datetime import date
from typing import Any, Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q


class FacilityQuerySet(models.QuerySet[Any]):
    """Every operational read goes through `for_facility`, so that no row of another facility is seen."""

    def for_facility(self, facility: Any) -> Self:
        """Rows of one facility only."""
        return self.filter(facility=facility)

    def for_reach(self, reach: Any) -> Self:
        """Rows of the facilities of a `his.accounts.reach.Reach`, for figures by facility; never to show rows."""
        return self.filter(facility__in=reach.ids)


class FacilityModel(models.Model):
    """A row of one facility; no transaction crosses facilities."""

    facility = models.ForeignKey("his.Facility", on_delete=models.PROTECT, related_name="+", verbose_name="cơ sở")

    objects = FacilityQuerySet.as_manager()

    class Meta:
        abstract = True


class DatedQuerySet(FacilityQuerySet):
    """Rows that hold from `valid_from` to `valid_to`, both days included; an open end is empty."""

    def on(self, day: date) -> Self:
        """Rows in force on the day."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day), valid_from__lte=day)


class DatedModel(models.Model):
    """A row in force for a period; a change closes the old row and opens a new one."""

    valid_from = models.DateField("từ ngày")
    valid_to = models.DateField("đến ngày", null=True, blank=True)

    objects = DatedQuerySet.as_manager()

    class Meta:
        abstract = True


def period_order(name: str) -> models.CheckConstraint:
    """CHECK that a period does not end before it begins."""
    return models.CheckConstraint(
        condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name=f"{name}_period_order"
    )


def no_overlap(name: str, *keys: str) -> ExclusionConstraint:
    """EXCLUDE two rows of the same key whose periods overlap."""
    period = Func(
        F("valid_from"), F("valid_to"), RangeBoundary(True, True), function="DATERANGE", output_field=DateRangeField()
    )
    return ExclusionConstraint(
        name=f"{name}_no_overlap",
        expressions=[*((key, RangeOperators.EQUAL) for key in keys), (period, RangeOperators.OVERLAPS)],
    )
