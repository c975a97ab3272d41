"""The places that hold stock."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from his.catalogs.models import Storage
from his.core.models import FacilityModel


class Store(FacilityModel):
    """A place that holds stock (kho, tủ trực). A ward cabinet belongs to its department.

    `keeps` lists the conditions besides room temperature that it can keep (tủ mát, tủ lạnh, tủ đông); None: nobody
    has said so, and nothing is held back for it.
    """

    class Kind(models.TextChoices):
        MAIN = "main", "Kho chính"
        DISPENSARY = "dispensary", "Kho cấp phát ngoại trú"
        CABINET = "cabinet", "Tủ trực"
        COMMUNE = "commune", "Kho trạm y tế"

    code = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    department = models.ForeignKey(
        "his.Department", null=True, blank=True, on_delete=models.PROTECT, related_name="stores", verbose_name="khoa"
    )
    is_active = models.BooleanField(default=True)
    keeps = ArrayField(
        models.CharField(max_length=10, choices=Storage.choices), null=True, blank=True, verbose_name="bảo quản được"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "code"], name="store_code"),
            models.CheckConstraint(
                condition=~Q(kind="cabinet") | Q(department__isnull=False), name="cabinet_has_department"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def can_keep(self, storage: str) -> bool:
        """Whether a drug of this storage condition may lie here and be issued from here."""
        return not storage or self.keeps is None or storage in self.keeps

    @property
    def kept_labels(self) -> list[str]:
        """The conditions that it can keep, in words."""
        return [Storage(one).label for one in self.keeps or ()]
