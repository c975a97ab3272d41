"""What is typed on the screens of the drug and supply list."""

import re
from typing import Any

from django import forms

from his.catalogs.item_models import ControlClass, Drug, ItemKind, PrescriptionLevel, QuantityRule, Storage
from his.catalogs.item_services import IngredientLine
from his.catalogs.items import CONTROLLED, DUE, NORMAL
from his.ui.forms import DayField, NumberField

ORDINARY = [("", "Thường (không kiểm soát đặc biệt)"), *ControlClass.choices]
AMOUNT_UNITS = ("mg", "g", "mcg", "IU", "U", "%", "CFU", "bào tử", "ml", "mmol")
PER_UNITS = ("ml", "g", "mg", "liều", "gói", "viên", "ống", "lọ", "chai", "miếng", "giờ")


class ItemFilterForm(forms.Form):
    """Which items are looked for, on which day."""

    q = forms.CharField(
        label="Tên, hoạt chất, mã", required=False, max_length=100, widget=forms.TextInput({"data-focus": ""})
    )
    kind = forms.ChoiceField(label="Loại", required=False, choices=[("", "Tất cả"), *ItemKind.choices])
    control = forms.ChoiceField(
        label="Kiểm soát đặc biệt",
        required=False,
        choices=[
            ("", "Tất cả"),
            (DUE, "Chờ dược sĩ xác nhận"),
            (CONTROLLED, "Mọi loại kiểm soát"),
            *ControlClass.choices,
        ],
    )
    storage = forms.ChoiceField(
        label="Bảo quản", required=False, choices=[("", "Tất cả"), (NORMAL, "Thường"), *Storage.choices]
    )
    on = DayField(label="Có hiệu lực ngày", required=False)


class ControlForm(forms.Form):
    """The class that a pharmacist confirms."""

    control_class = forms.ChoiceField(label="Phân loại", required=False, choices=ORDINARY)


class AttributesForm(forms.Form):
    """What the official forms do not carry."""

    storage = forms.ChoiceField(
        label="Điều kiện bảo quản", required=False, choices=[("", "Thường (15-30 °C)"), *Storage.choices]
    )
    prescription_level = forms.ChoiceField(
        label="Cấp sử dụng", required=False, choices=[("", "Mọi cấp"), *PrescriptionLevel.choices]
    )
    quantity_rule = forms.ChoiceField(label="Cách tính số lượng khi kê", choices=QuantityRule.choices)
    pack_size = NumberField(
        label="Dung tích một đơn vị, ml",
        max_digits=10,
        decimal_places=3,
        error_messages={"required": "Gõ 1 nếu không tính theo ml"},
    )
    min_stock = NumberField(label="Tồn tối thiểu", required=False, min_value=0, max_digits=14, decimal_places=3)
    max_stock = NumberField(label="Tồn tối đa", required=False, min_value=0, max_digits=14, decimal_places=3)
    service_codes = forms.CharField(
        label="Dùng cho dịch vụ kỹ thuật", required=False, max_length=2000, help_text="Mã dịch vụ, cách nhau dấu ;"
    )
    is_reusable = forms.BooleanField(label="Vật tư tái sử dụng", required=False)

    def __init__(self, *args: Any, item: Drug, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        unit = item.unit.lower()
        for name in ("min_stock", "max_stock"):
            self.fields[name].label = f"{self.fields[name].label}, {unit}"
        unused = ("is_reusable",) if item.is_medicine else ("prescription_level", "quantity_rule", "pack_size")
        for name in unused:
            self.fields[name].required = False
            self.fields[name].disabled = True

    def clean_service_codes(self) -> list[str]:
        return [code for code in re.split(r"[;,\s]+", self.cleaned_data["service_codes"]) if code]


class IngredientForm(forms.Form):
    """One ingredient and how much of it."""

    name = forms.CharField(label="Hoạt chất", max_length=1024, error_messages={"required": "Hãy gõ tên hoạt chất"})
    code = forms.CharField(label="Mã", max_length=255, required=False)
    amount = NumberField(label="Lượng", required=False, max_digits=20, decimal_places=6)
    unit = forms.ChoiceField(label="Đơn vị", required=False)
    per_amount = NumberField(label="Trong", required=False, max_digits=14, decimal_places=6)
    per_unit = forms.ChoiceField(label="Đơn vị của Trong", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, units in (("unit", AMOUNT_UNITS), ("per_unit", PER_UNITS)):
            known = self.initial.get(name) or ""
            more = [known] if known and known not in units else []
            self.fields[name].choices = [("", ""), *((one, one) for one in (*units, *more))]  # type: ignore[attr-defined]

    @property
    def cells(self) -> list[forms.BoundField]:
        """The boxes of the row after the name."""
        return [self[name] for name in ("code", "amount", "unit", "per_amount", "per_unit")]

    def line(self) -> IngredientLine:
        """The row as the service takes it."""
        data = self.cleaned_data
        return IngredientLine(**{name: data[name] for name in IngredientLine.__dataclass_fields__})


class BaseIngredientFormSet(forms.BaseFormSet):
    """All ingredients of one drug; rows left wholly empty and removed ones do not count."""

    def typed(self) -> list[IngredientForm]:
        """The forms that say something."""
        return [form for form in self.forms if form.is_valid() and form.cleaned_data and form not in self.deleted_forms]  # type: ignore[misc]


IngredientFormSet: type[BaseIngredientFormSet] = forms.formset_factory(  # type: ignore[assignment]
    IngredientForm, formset=BaseIngredientFormSet, extra=0, can_delete=True, max_num=60, absolute_max=60
)
