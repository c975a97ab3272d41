"""What is typed for the temperature of stores: points, readings, decisions, what a store can keep."""

from decimal import Decimal
from typing import Any

from django import forms

from his.catalogs.models import Storage
from his.core.text import nfc
from his.ui.forms import NumberField
from pharmacy.climate import Range, usual_ranges
from pharmacy.models import ClimateReading, QuarantinedLot, Store

_DEGREES = {"max_digits": 5, "decimal_places": 1}


class StorageForm(forms.Form):
    """Which conditions a store keeps beside room temperature; nothing ticked: room temperature only."""

    is_known = forms.BooleanField(label="Đã khai báo; kho chỉ nhận, cấp thuốc có điều kiện dưới đây", required=False)
    keeps = forms.MultipleChoiceField(
        label="Bảo quản được", choices=Storage.choices, required=False, widget=forms.CheckboxSelectMultiple
    )


class PointForm(forms.Form):
    """A place to be measured. Empty limits: those that belong to its condition."""

    store = forms.ModelChoiceField(
        Store.objects.none(), label="Kho", empty_label=None, error_messages={"required": "Hãy chọn kho"}
    )
    name = forms.CharField(label="Điểm theo dõi", max_length=100, error_messages={"required": "Hãy ghi tên"})
    device = forms.CharField(label="Thiết bị đo", max_length=100, error_messages={"required": "Hãy ghi thiết bị đo"})
    storage = forms.ChoiceField(label="Bảo quản", choices=[("", "Thường (15-30 °C)"), *Storage.choices], required=False)
    low = NumberField(label="Thấp nhất", required=False, **_DEGREES)
    high = NumberField(label="Cao nhất", required=False, **_DEGREES)

    def __init__(self, *args: Any, stores: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["store"].queryset = stores  # type: ignore[attr-defined]

    def limits(self) -> Range:
        """What was typed, and what belongs to the condition for the rest."""
        usual = usual_ranges()[self.cleaned_data["storage"]]
        low, high = (self.cleaned_data[name] for name in ("low", "high"))
        return Range(usual.low if low is None else low, usual.high if high is None else high, usual.humidity_high)


class ReadingForm(forms.Form):
    """One point in one shift. Empty: it was not measured yet."""

    temperature = NumberField(label="Nhiệt độ", required=False, **_DEGREES)
    humidity = NumberField(label="Độ ẩm", required=False, **_DEGREES)
    action = forms.CharField(label="Xử trí khi sai lệch", max_length=500, required=False)
    is_quarantined = forms.BooleanField(label="Cách ly lô", required=False, initial=True)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        is_begun = data.get("humidity") is not None or data.get("action")
        if is_begun and data.get("temperature") is None and "temperature" not in self.errors:
            self.add_error("temperature", "Hãy ghi nhiệt độ")
        return data

    @property
    def is_filled(self) -> bool:
        return isinstance(self.cleaned_data.get("temperature"), Decimal)

    def typed_text(self) -> str:
        """All that was typed, as it was typed; empty: nothing."""
        typed = {name: str(self[name].value() or "").strip() for name in ("temperature", "humidity", "action")}
        forms_of = {"temperature": "{} °C", "humidity": "ẩm {} %", "action": "xử trí: {}"}
        return ", ".join(forms_of[name].format(text) for name, text in typed.items() if text)

    def is_told_by(self, reading: ClimateReading) -> bool:
        """Whether a reading says already all that was typed."""
        if not self.typed_text():
            return True
        if not self.is_valid():
            return False
        data = self.cleaned_data
        said = (reading.temperature, reading.humidity, reading.action)
        typed = (data["temperature"], data["humidity"], nfc(data["action"]))
        return all(one in (None, "", other) for one, other in zip(typed, said, strict=True))


class DecisionForm(forms.Form):
    """What becomes of a quarantined lot, and on what grounds."""

    decision = forms.ChoiceField(
        label="Quyết định",
        choices=[("", "Chọn quyết định"), *QuarantinedLot.Decision.choices],
        error_messages={"required": "Hãy chọn dùng tiếp hoặc hủy", "invalid_choice": "Hãy chọn dùng tiếp hoặc hủy"},
    )
    reason = forms.CharField(label="Căn cứ", max_length=500, error_messages={"required": "Hãy ghi căn cứ"})
