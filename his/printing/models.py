"""What was printed, how often, by whom."""

from django.conf import settings
from django.db import models

from his.core.models import FacilityModel


class PrintRecord(FacilityModel):
    """One print of a paper; `copy_no` counts the prints of the same paper."""

    form = models.CharField(max_length=40)
    object_type = models.CharField(max_length=60)
    object_id = models.BigIntegerField()
    copy_no = models.PositiveIntegerField()
    printed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "form", "object_type", "object_id", "copy_no"], name="print_copy"
            )
        ]
