"""What is typed at the pharmacy's desks."""

from typing import Any

from django import forms

from his.accounts.models import Facility
from his.ui.forms import DayField, MoneyField, NumberField
from pharmacy.models import Store
from pharmacy.queries import stores


class ReasonForm(forms.Form):
    """Why something is undone, blocked or written off."""

    reason = forms.CharField(label="Lý do", max_length=500, error_messages={"required": "Hãy ghi lý do"})


class StoreForm(forms.Form):
    """A new store."""

    code = forms.CharField(label="Mã kho", max_length=20, error_messages={"required": "Hãy gõ mã kho"})
    name = forms.CharField(label="Tên kho", max_length=100, error_messages={"required": "Hãy gõ tên kho"})
    kind = forms.ChoiceField(label="Loại", choices=Store.Kind.choices, initial=Store.Kind.DISPENSARY)


class StoreChoice(forms.ModelChoiceField):
    """One active store of the facility; others do not exist."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            Store.objects.none(),
            empty_label=None,
            error_messages={"required": "Hãy chọn kho", "invalid_choice": "Kho này không có tại cơ sở"},
            **kwargs,
        )


class ReceiptForm(forms.Form):
    """The head of a goods receipt."""

    store = StoreChoice(label="Nhập vào kho")
    supplier = forms.CharField(label="Nhà cung cấp", max_length=255, required=False)
    reference = forms.CharField(
        label="Số hóa đơn, chứng từ", max_length=100, required=False, widget=forms.TextInput({"data-focus": ""})
    )
    confirm_unusual = forms.BooleanField(label="Đã kiểm tra, số liệu đúng", required=False)
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["store"].queryset = stores(facility)  # type: ignore[attr-defined]


class GoodsForm(forms.Form):
    """One line of a goods receipt."""

    drug = forms.CharField(label="Thuốc", max_length=50, error_messages={"required": "Hãy chọn thuốc trong gợi ý"})
    drug_text = forms.CharField(required=False)
    unit = forms.CharField(required=False)
    lot_number = forms.CharField(label="Số lô", max_length=100, error_messages={"required": "Hãy gõ số lô"})
    expires_on = DayField(label="Hạn dùng", error_messages={"required": "Hãy gõ hạn dùng"})
    quantity = NumberField(
        label="Số lượng",
        max_digits=12,
        decimal_places=3,
        error_messages={"required": "Hãy gõ số lượng", "max_decimal_places": "Tối đa 3 chữ số lẻ"},
    )
    unit_cost = MoneyField(
        label="Đơn giá", max_digits=13, decimal_places=3, error_messages={"required": "Hãy gõ đơn giá"}
    )

    @property
    def cells(self) -> list[forms.BoundField]:
        """The plain cells of the grid, after drug and unit."""
        return [self[name] for name in ("lot_number", "expires_on", "quantity", "unit_cost")]


class BaseGoodsFormSet(forms.BaseFormSet):
    """Lines left wholly empty do not count; their own rows stay for typing."""

    def typed(self) -> list[GoodsForm]:
        """The forms with something in them, not removed."""
        return [form for form in self.forms if form.has_changed() and form not in self.deleted_forms]  # type: ignore[misc]


GoodsFormSet: type[BaseGoodsFormSet] = forms.formset_factory(  # type: ignore[assignment]
    GoodsForm, formset=BaseGoodsFormSet, extra=1, can_delete=True, max_num=200, absolute_max=200
)


class LossForm(forms.Form):
    """Stock of one lot that is written off."""

    store = StoreChoice(label="Kho")
    quantity = NumberField(
        label="Số lượng", max_digits=12, decimal_places=3, error_messages={"required": "Hãy gõ số lượng"}
    )
    reason = forms.CharField(label="Lý do", max_length=500, error_messages={"required": "Hãy ghi lý do"})
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["store"].queryset = stores(facility)  # type: ignore[attr-defined]


class TransferForm(forms.Form):
    """Stock of one lot that goes to another store."""

    store = StoreChoice(label="Từ kho")
    target_store = StoreChoice(label="Đến kho")
    quantity = NumberField(
        label="Số lượng", max_digits=12, decimal_places=3, error_messages={"required": "Hãy gõ số lượng"}
    )
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("store", "target_store"):
            self.fields[name].queryset = stores(facility)  # type: ignore[attr-defined]
