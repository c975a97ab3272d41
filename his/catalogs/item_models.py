"""What a facility prescribes, uses and stocks: its dated list of drugs, herbs and supplies, and their ingredients.

One table holds them all, because lots, stock documents and stock reports hold them alike; `kind` tells them apart.
Only `Drug.objects.medicines()` may be prescribed and claimed as drugs (XML2); a supply is a line of XML3; a chemical
(hóa chất, for the laboratory or disinfection) is only stocked and used, nobody pays for it by itself.
"""

from decimal import Decimal
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from his.catalogs.bids import Bid, read_bid
from his.catalogs.strengths import IN_MG
from his.core.models import DatedModel, DatedQuerySet, FacilityModel, no_overlap, period_order


class ItemKind(models.TextChoices):
    """What a row of the facility's list of drugs and supplies is."""

    DRUG = "drug", "Thuốc"
    HERBAL = "herbal", "Chế phẩm YHCT"
    HERB = "herb", "Vị thuốc"
    SUPPLY = "supply", "Vật tư y tế"
    CHEMICAL = "chemical", "Hóa chất"


MEDICINES = frozenset({ItemKind.DRUG.value, ItemKind.HERBAL.value, ItemKind.HERB.value})
"""Kinds that can be prescribed; only they can be under special control."""


class ControlClass(models.TextChoices):
    """Drugs under special control (thuốc phải kiểm soát đặc biệt, TT 18/2026/TT-BYT); the empty class is ordinary."""

    NARCOTIC = "narcotic", "Gây nghiện"
    PSYCHOTROPIC = "psychotropic", "Hướng thần"
    PRECURSOR = "precursor", "Tiền chất"
    RADIOACTIVE = "radioactive", "Phóng xạ"
    NARCOTIC_COMBO = "narcotic_combo", "Phối hợp chứa gây nghiện"
    PSYCHOTROPIC_COMBO = "psychotropic_combo", "Phối hợp chứa hướng thần"
    PRECURSOR_COMBO = "precursor_combo", "Phối hợp chứa tiền chất"
    TOXIC = "toxic", "Độc"
    RESTRICTED = "restricted", "Trong danh mục hạn chế"


class Storage(models.TextChoices):
    """How an item is kept; the empty condition is the ordinary one of the store (15-30 °C)."""

    COOL = "cool", "Mát (8-15 °C)"
    COLD = "cold", "Lạnh (2-8 °C)"
    FROZEN = "frozen", "Đông lạnh (-25 đến -15 °C)"


class PrescriptionLevel(models.TextChoices):
    """The lowest tier of facility that uses the item; empty: every tier."""

    PRIMARY = "primary", "Từ cấp ban đầu"
    BASIC = "basic", "Từ cấp cơ bản"
    SPECIALISED = "specialised", "Chỉ cấp chuyên sâu"


class QuantityRule(models.TextChoices):
    """How the quantity of a prescription line follows from the doses."""

    COUNT = "count", "Đếm (viên, gói, ống), làm tròn lên một đơn vị"
    VOLUME = "volume", "Thể tích (ml), làm tròn lên chai"
    WEIGHT = "weight", "Cân (gam), không làm tròn"
    PACK = "pack", "Theo đơn vị đóng gói (tuýp, lọ)"


class DrugQuerySet(DatedQuerySet):
    """The list of a facility; ask for `medicines()` wherever a prescription or a drug line of a claim is meant."""

    def medicines(self) -> Self:
        """Drugs, herbal products and herbs."""
        return self.filter(kind__in=MEDICINES)

    def supplies(self) -> Self:
        """Medical supplies (vật tư y tế)."""
        return self.filter(kind=ItemKind.SUPPLY)


class Drug(DatedModel, FacilityModel):
    """An item of a facility's list (forms 03/DM and 04/DM): what may be prescribed or used, its price and its bid.

    `price` is the bid price (DON_GIA) and `insured_price` the most that the fund accepts (of a supply its ceiling),
    đồng a unit. `code` is the facility's own code; `ingredient_code` is MA_THUOC of the claim, of a supply MA_VAT_TU.
    `bid_info` is the text that claims carry; `bid` reads it. `bid_quantity` is what was won, in units.

    What the forms do not carry (`OWNED`) is the facility's own: an import never touches it, a new version of a code
    and a new bid of the same product take it over (see `his.catalogs.merge`).
    """

    OWNED = (
        "control_class",
        "control_checked_on",
        "storage",
        "prescription_level",
        "quantity_rule",
        "pack_size",
        "min_stock",
        "max_stock",
        "service_codes",
        "is_reusable",
    )
    SAME_PRODUCT = ("kind", "ingredient_code", "registration_no", "name", "strength", "unit")

    kind = models.CharField("loại", max_length=10, choices=ItemKind.choices, default=ItemKind.DRUG)
    control_class = models.CharField("kiểm soát đặc biệt", max_length=20, blank=True, choices=ControlClass.choices)
    control_checked_on = models.DateField("ngày dược sĩ xác nhận", null=True, blank=True)
    storage = models.CharField("bảo quản", max_length=10, blank=True, choices=Storage.choices)
    prescription_level = models.CharField("cấp sử dụng", max_length=12, blank=True, choices=PrescriptionLevel.choices)
    min_stock = models.DecimalField("tồn tối thiểu", max_digits=14, decimal_places=3, null=True, blank=True)
    max_stock = models.DecimalField("tồn tối đa", max_digits=14, decimal_places=3, null=True, blank=True)
    service_codes = ArrayField(models.CharField(max_length=50), default=list, blank=True, verbose_name="dùng cho DVKT")
    is_reusable = models.BooleanField("tái sử dụng", default=False)
    code = models.CharField(max_length=50)
    ingredient_code = models.CharField(max_length=255)
    ingredient = models.CharField(max_length=1024)
    name = models.CharField(max_length=1024)
    search_name = models.CharField(max_length=2200)
    strength = models.CharField(max_length=1024)
    unit = models.CharField(max_length=50)
    route_code = models.CharField(max_length=10)
    route_name = models.CharField(max_length=255, blank=True)
    dose_form = models.CharField(max_length=1024, blank=True)
    quantity_rule = models.CharField(
        "cách tính số lượng", max_length=10, choices=QuantityRule.choices, default=QuantityRule.COUNT
    )
    pack_size = models.DecimalField("dung tích một đơn vị", max_digits=10, decimal_places=3, default=1)
    registration_no = models.CharField(max_length=255, blank=True)
    bid_info = models.CharField(max_length=255, blank=True)
    bid_quantity = models.DecimalField("số lượng trúng thầu", max_digits=14, decimal_places=3, null=True, blank=True)
    contract_from = models.DateField("hợp đồng từ ngày", null=True, blank=True)
    contract_to = models.DateField("hợp đồng đến ngày", null=True, blank=True)
    price = models.DecimalField(max_digits=15, decimal_places=3)
    insured_price = models.DecimalField(max_digits=15, decimal_places=3)
    payment_rate = models.DecimalField(max_digits=5, decimal_places=2, default=100)
    scope_code = models.CharField(max_length=1, default="1")
    group_code = models.CharField(max_length=2, default="4")
    manufacturer = models.CharField(max_length=1024, blank=True)
    country = models.CharField(max_length=100, blank=True)
    supplier = models.CharField(max_length=1024, blank=True)
    packaging = models.CharField(max_length=1024, blank=True)
    processing_code = models.CharField("phương pháp chế biến", max_length=1024, blank=True)
    scientific_name = models.CharField("tên khoa học", max_length=500, blank=True)
    origin = models.CharField("nguồn gốc", max_length=500, blank=True)
    processing_loss = models.DecimalField("hao hụt chế biến, %", max_digits=5, decimal_places=2, null=True, blank=True)
    storage_loss = models.DecimalField("hao hụt bảo quản, %", max_digits=5, decimal_places=2, null=True, blank=True)
    supply_group = models.CharField("nhóm vật tư", max_length=1024, blank=True)
    model_code = models.CharField("mã hiệu", max_length=1024, blank=True)
    features = models.TextField("tính năng kỹ thuật", blank=True)
    use_norm = models.DecimalField("định mức", max_digits=9, decimal_places=3, null=True, blank=True)
    source = models.CharField(max_length=100)

    objects = DrugQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints = [
            no_overlap("drug", "facility", "code"),
            period_order("drug"),
            models.CheckConstraint(condition=models.Q(price__gte=0, insured_price__gte=0), name="drug_price_positive"),
            models.CheckConstraint(
                condition=models.Q(max_stock__isnull=True)
                | models.Q(min_stock__isnull=True)
                | models.Q(max_stock__gte=models.F("min_stock")),
                name="drug_stock_limits_order",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=sorted(MEDICINES)) | models.Q(control_class=""), name="drug_supply_ordinary"
            ),
        ]
        indexes = [GinIndex(fields=["search_name"], name="drug_search", opclasses=["gin_trgm_ops"])]

    def __str__(self) -> str:
        return f"{self.name} {self.strength}".rstrip()

    @property
    def label(self) -> str:
        """Name and strength, the strength once."""
        strength = self.strength.strip()
        return self.name if strength.casefold() in self.name.casefold() else f"{self.name} {strength}"

    @property
    def is_supply(self) -> bool:
        return bool(self.kind == ItemKind.SUPPLY)

    @property
    def is_medicine(self) -> bool:
        return self.kind in MEDICINES

    @property
    def bid(self) -> Bid:
        """The parts of the bid text (TT_THAU) as far as the standard's format tells."""
        return read_bid(self.bid_info)

    @property
    def product(self) -> tuple[Any, ...]:
        """What stays the same from one bid of a product to the next."""
        return tuple(getattr(self, name) for name in self.SAME_PRODUCT)


class DrugIngredient(FacilityModel):
    """One active ingredient of a drug, by the facility's code of the drug: every version of the code has the same.

    `amount` of `unit` is contained in `per_amount` of `per_unit`, or in one unit of the drug when those are empty.
    What could not be read of `strength_text` has no amount. `is_by_hand`: a pharmacist wrote it, imports keep it.
    """

    drug_code = models.CharField(max_length=50)
    position = models.PositiveSmallIntegerField()
    code = models.CharField("mã hoạt chất", max_length=255, blank=True)
    name = models.CharField("hoạt chất", max_length=1024)
    search_name = models.CharField(max_length=1100)
    strength_text = models.CharField("hàm lượng ghi trong danh mục", max_length=1024, blank=True)
    amount = models.DecimalField("lượng", max_digits=20, decimal_places=6, null=True, blank=True)
    unit = models.CharField("đơn vị", max_length=20, blank=True)
    per_amount = models.DecimalField("trong", max_digits=14, decimal_places=6, null=True, blank=True)
    per_unit = models.CharField(max_length=20, blank=True)
    is_by_hand = models.BooleanField(default=False)

    class Meta:
        ordering = ["drug_code", "position"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "drug_code", "position"], name="drug_ingredient_once"),
            models.CheckConstraint(
                condition=models.Q(amount__isnull=True) | models.Q(amount__gt=0, unit__gt=""),
                name="drug_ingredient_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(per_amount__isnull=True, per_unit="") | models.Q(per_amount__gt=0, per_unit__gt=""),
                name="drug_ingredient_per",
            ),
        ]
        indexes = [models.Index(fields=["facility", "search_name"], name="drug_ingredient_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def milligrams(self) -> Decimal | None:
        """The amount in mg; None when it is unknown or not a mass (IU, %, CFU)."""
        factor = IN_MG.get(self.unit)
        return None if self.amount is None or factor is None else self.amount * factor
