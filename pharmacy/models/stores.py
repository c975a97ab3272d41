"""The places that hold stock."""

from django.db import models

from his.core.models import FacilityModel


class Store(FacilityModel):
    """A place that holds stock (kho, tủ trực)."""

    class Kind(models.TextChoices):
        MAIN = "main", "Kho chính"
        DISPENSARY = "dispensary", "Kho cấp phát ngoại trú"
        CABINET = "cabinet", "Tủ trực"

    code = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["facility", "code"], name="store_code")]

    def __str__(self) -> str:
        return self.name
