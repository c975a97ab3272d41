"""Dated catalogues: national lists, and the price and drug lists of each facility.

A look-up always takes a date. A changed row closes the old one and opens a new one, so that an old
claim can be explained with the catalogue of its day.
"""

from decimal import Decimal

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from his.catalogs.item_models import (
    ControlClass,
    Drug,
    DrugIngredient,
    ItemKind,
    PrescriptionLevel,
    QuantityRule,
    Storage,
)
from his.core.errors import Refusal
from his.core.models import DatedModel, FacilityModel, no_overlap, period_order

__all__ = [
    "OUTSIDE_SCOPE",
    "AdministrativeUnit",
    "CodeEntry",
    "ControlClass",
    "Diagnosis",
    "DiagnosisPair",
    "Drug",
    "DrugIngredient",
    "ItemKind",
    "LongPrescriptionDisease",
    "PrescriptionLevel",
    "PricedService",
    "ProcedureCode",
    "QuantityRule",
    "Sex",
    "Storage",
    "TechnicalService",
]

OUTSIDE_SCOPE = "2"
"""PHAM_VI of what the fund does not pay for."""


class Sex(models.TextChoices):
    """Codes of GIOI_TINH (QĐ 130/QĐ-BYT)."""

    MALE = "1", "Nam"
    FEMALE = "2", "Nữ"
    UNKNOWN = "3", "Chưa xác định"


class Diagnosis(DatedModel):
    """One ICD-10 code (mã bệnh) with its Vietnamese name and its rules of use (QĐ 4469/2020, TT 06/2026)."""

    code = models.CharField(max_length=8)
    name = models.CharField(max_length=500)
    name_en = models.CharField(max_length=500, blank=True)
    search_name = models.CharField(max_length=600)
    chapter_code = models.CharField(max_length=20, blank=True)
    chapter_name = models.CharField(max_length=255, blank=True)
    block_code = models.CharField(max_length=20, blank=True)
    block_name = models.CharField(max_length=255, blank=True)
    only_sex = models.CharField(max_length=1, blank=True, choices=Sex.choices)
    age_min_days = models.PositiveIntegerField(null=True, blank=True)
    age_max_days = models.PositiveIntegerField(null=True, blank=True)
    not_as_main = models.BooleanField(default=False)
    discouraged_as_main = models.BooleanField(default=False)
    has_more_specific = models.BooleanField(default=False)
    mainly_female = models.BooleanField(default=False)
    mainly_male = models.BooleanField(default=False)
    cause_of_death_only = models.BooleanField(default=False)
    source = models.CharField(max_length=100)

    class Meta:
        constraints = [no_overlap("diagnosis", "code"), period_order("diagnosis")]
        indexes = [
            GinIndex(fields=["search_name"], name="diagnosis_search", opclasses=["gin_trgm_ops"]),
            models.Index(fields=["code"], name="diagnosis_code_prefix", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.code} - {self.name}"


class DiagnosisPair(DatedModel):
    """A dagger code that needs an asterisk code, and which of the two is the main one (QĐ 4469 annex A1)."""

    dagger_code = models.CharField(max_length=8)
    asterisk_code = models.CharField(max_length=8)
    main_code = models.CharField(max_length=8)
    source = models.CharField(max_length=100)

    class Meta:
        constraints = [no_overlap("diagnosis_pair", "dagger_code", "asterisk_code")]


class TechnicalService(DatedModel):
    """One service of the national list (dịch vụ kỹ thuật, QĐ 7603/QĐ-BYT annex 1)."""

    code = models.CharField(max_length=50)
    name = models.CharField(max_length=1024)
    search_name = models.CharField(max_length=1100)
    technical_line = models.CharField(max_length=10, blank=True)
    procedure_class = models.CharField(max_length=10, blank=True)
    price_name = models.CharField(max_length=1024, blank=True)
    reference_price = models.DecimalField(max_digits=15, decimal_places=3, null=True, blank=True)
    chapter = models.CharField(max_length=255, blank=True)
    source = models.CharField(max_length=100)

    class Meta:
        constraints = [no_overlap("technical_service", "code"), period_order("technical_service")]
        indexes = [GinIndex(fields=["search_name"], name="technical_service_search", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class ProcedureCode(DatedModel):
    """The ICD-9-CM code of a service (QĐ 4440/QĐ-BYT 2020)."""

    service_code = models.CharField(max_length=50)
    icd9_code = models.CharField(max_length=20)
    icd9_name = models.CharField(max_length=500, blank=True)
    source = models.CharField(max_length=100)

    class Meta:
        indexes = [models.Index(fields=["service_code"], name="procedure_code_service")]


class PricedService(DatedModel, FacilityModel):
    """A service in the price list of a facility (form 05/DM), with what the fund pays for it.

    `price` (what everybody pays), `insured_price` (what the fund accepts) and `on_demand_price` (giá theo yêu cầu; none
    when the service is not offered that way) are đồng a unit. `group_code` is the cost group (MA_NHOM); empty when
    unknown.
    `indicators` lists the results of a laboratory test: [{code, name, unit, low, high}].
    """

    code = models.CharField(max_length=50)
    name = models.CharField(max_length=1024)
    search_name = models.CharField(max_length=1100)
    price_name = models.CharField(max_length=1024, blank=True)
    group_code = models.CharField(max_length=2, blank=True)
    unit = models.CharField(max_length=50, default="Lần")
    price = models.DecimalField(max_digits=15, decimal_places=3)
    insured_price = models.DecimalField(max_digits=15, decimal_places=3)
    on_demand_price = models.DecimalField("giá theo yêu cầu", max_digits=15, decimal_places=3, null=True, blank=True)
    payment_rate = models.DecimalField(max_digits=5, decimal_places=2, default=100)
    scope_code = models.CharField(max_length=1, default="1")
    technical_line = models.CharField(max_length=10, blank=True)
    procedure_class = models.CharField(max_length=10, blank=True)
    device_code = models.CharField(max_length=100, blank=True)
    indicators = models.JSONField(default=list, blank=True)
    decision = models.CharField(max_length=255, blank=True)
    source = models.CharField(max_length=100)

    class Meta:
        constraints = [
            no_overlap("priced_service", "facility", "code"),
            period_order("priced_service"),
            models.CheckConstraint(
                condition=models.Q(price__gte=0, insured_price__gte=0), name="priced_service_price_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(on_demand_price__isnull=True) | models.Q(on_demand_price__gt=0),
                name="priced_service_on_demand_positive",
            ),
        ]
        indexes = [GinIndex(fields=["search_name"], name="priced_service_search", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def charged_price(self, *, is_on_demand: bool) -> Decimal:
        """What one unit costs, đồng. Refuses an on-demand price that the list does not have."""
        if not is_on_demand:
            return self.price
        if self.on_demand_price is None:
            raise Refusal(
                "no_on_demand_price", f"{self.name} không có giá theo yêu cầu", field="is_on_demand", wrong=self.code
            )
        return self.on_demand_price

    def extra_amount(self, *, is_insured: bool, is_on_demand: bool = False) -> Decimal:
        """What the patient pays for one unit above the price of the fund, or unasked above the list price, đồng.

        They have to be told before it is incurred; only published prices may be taken (NĐ 96/2023/NĐ-CP).
        """
        return max(self.charged_price(is_on_demand=is_on_demand) - self.usual_price(is_insured=is_insured), Decimal(0))

    def usual_price(self, *, is_insured: bool) -> Decimal:
        """The price of the fund for what it pays, else that of the list, đồng a unit."""
        in_scope = is_insured and self.scope_code != OUTSIDE_SCOPE
        return min(self.insured_price, self.price) if in_scope else self.price


class AdministrativeUnit(DatedModel):
    """A province, district or commune; districts end on 30/06/2025 and old claims still need them."""

    class Level(models.TextChoices):
        PROVINCE = "province", "Tỉnh"
        DISTRICT = "district", "Huyện"
        COMMUNE = "commune", "Xã"

    level = models.CharField(max_length=10, choices=Level.choices)
    code = models.CharField(max_length=10)
    name = models.CharField(max_length=255)
    search_name = models.CharField(max_length=300)
    parent_code = models.CharField(max_length=10, blank=True)
    source = models.CharField(max_length=100)

    class Meta:
        constraints = [no_overlap("administrative_unit", "level", "code"), period_order("administrative_unit")]
        indexes = [GinIndex(fields=["search_name"], name="administrative_unit_search", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return self.name


class LongPrescriptionDisease(DatedModel):
    """A disease that may be prescribed for more than 30 days (TT 26/2025/TT-BYT annex VII)."""

    item = models.CharField(max_length=20)
    name = models.CharField(max_length=500)
    icd_expression = models.CharField(max_length=255)
    source = models.CharField(max_length=100)


class CodeEntry(DatedModel):
    """One code of an enumeration of the claim standard (bộ mã dùng chung)."""

    list = models.CharField(max_length=50)
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=500)
    law = models.CharField(max_length=255, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [no_overlap("code_entry", "list", "code"), period_order("code_entry")]
        ordering = ["list", "position", "code"]
