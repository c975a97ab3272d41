"""What is typed for a stock-take."""

from typing import Any

from django import forms

from his.accounts.models import Facility
from his.catalogs.models import ControlClass, Drug, ItemKind
from his.ui.forms import DayField, NumberField
from pharmacy.forms import StoreChoice
from pharmacy.models import StockCount, StockCountMember
from pharmacy.queries import stores

Role = StockCountMember.Role
Scope = StockCount.Scope


class CountForm(forms.Form):
    """The head of a new stock-take. `what` is a scope, or a scope and its code: `control:narcotic`."""

    store = StoreChoice(label="Kho")
    occasion = forms.ChoiceField(label="Loại kiểm kê", choices=StockCount.Occasion.choices)
    what = forms.ChoiceField(label="Phạm vi")
    is_blind = forms.TypedChoiceField(
        label="Phiếu đếm",
        choices=[("1", "Đếm mù (không in số sổ sách)"), ("0", "Có số sổ sách")],
        coerce=lambda value: value == "1",
        initial="1",
    )
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["store"].queryset = stores(facility)  # type: ignore[attr-defined]
        self.fields["store"].widget.attrs["data-focus"] = ""
        self.fields["what"].choices = scope_choices(facility)  # type: ignore[attr-defined]

    @property
    def scope(self) -> tuple[str, list[str]]:
        """Scope and codes as chosen; those of a list are typed in a grid of their own."""
        scope, _, code = self.cleaned_data["what"].partition(":")
        return scope, [code] if code else []


def scope_choices(facility: Facility) -> list[tuple[str, Any]]:
    """The whole store, the kinds and classes, the cost groups of the facility's drugs, or a chosen list."""
    groups = Drug.objects.for_facility(facility).order_by("group_code").values_list("group_code", flat=True).distinct()
    return [
        (Scope.STORE.value, "Cả kho"),
        (Scope.LIST.value, "Các thuốc chọn bên dưới"),
        ("Loại", [(f"{Scope.KIND}:{code}", label) for code, label in ItemKind.choices]),
        ("Kiểm soát đặc biệt", [(f"{Scope.CONTROL}:{code}", label) for code, label in ControlClass.choices]),
        ("Nhóm chi phí", [(f"{Scope.GROUP}:{code}", f"Nhóm {code}") for code in groups]),
    ]


class MemberForm(forms.Form):
    """One of the board."""

    name = forms.CharField(label="Họ tên", max_length=100, required=False)
    title = forms.CharField(label="Chức danh", max_length=100, required=False)
    role = forms.ChoiceField(label="Vai trò", choices=Role.choices, initial=Role.MEMBER)
    is_counter = forms.BooleanField(label="Đếm", required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("title") and not data.get("name"):
            self.add_error("name", "Hãy gõ họ tên")
        return data


class BaseMemberFormSet(forms.BaseFormSet):
    """Rows without a name do not count, whatever role they show."""

    def typed(self) -> list[MemberForm]:
        """The rows with somebody in them."""
        return [form for form in self.forms if form not in self.deleted_forms and form.cleaned_data.get("name")]  # type: ignore[misc]


MemberFormSet: type[BaseMemberFormSet] = forms.formset_factory(  # type: ignore[assignment]
    MemberForm, formset=BaseMemberFormSet, extra=0, can_delete=True, max_num=20, absolute_max=20
)
FIRST_MEMBERS: list[dict[str, Any]] = [
    {"role": Role.CHAIRMAN},
    {"role": Role.SECRETARY},
    {"role": Role.MEMBER, "is_counter": True},
    {"role": Role.MEMBER},
    {"role": Role.MEMBER},
]
"""Five, as TT 22/2011 has it; rows that stay empty fall away."""


class ChosenDrugForm(forms.Form):
    """One drug of a chosen list."""

    drug = forms.CharField(label="Thuốc", max_length=50, required=False)
    drug_text = forms.CharField(required=False)


ChosenDrugFormSet = forms.formset_factory(ChosenDrugForm, extra=1, can_delete=True, max_num=200, absolute_max=200)


class EntryForm(forms.Form):
    """What a counter types for one lot."""

    counted = NumberField(
        label="Số đếm (còn tốt)",
        max_digits=12,
        decimal_places=3,
        error_messages={"required": "Chưa ghi số đếm; không có thì ghi 0"},
    )
    damaged = NumberField(label="Hỏng, vỡ", max_digits=12, decimal_places=3, required=False)
    note = forms.CharField(label="Ghi chú", max_length=255, required=False)


class FoundLotForm(forms.Form):
    """A lot that lies on the shelf and is not in the count, with what was counted of it."""

    drug = forms.CharField(max_length=50, error_messages={"required": "Hãy chọn thuốc trong gợi ý"})
    drug_text = forms.CharField(required=False)
    lot_number = forms.CharField(label="Số lô", max_length=100, error_messages={"required": "Hãy gõ số lô"})
    expires_on = DayField(label="Hạn dùng", error_messages={"required": "Hãy gõ hạn dùng"})
    counted = NumberField(
        label="Số đếm (còn tốt)", max_digits=12, decimal_places=3, error_messages={"required": "Hãy ghi số đếm"}
    )
    damaged = NumberField(label="Hỏng, vỡ", max_digits=12, decimal_places=3, required=False)


class ProposalForm(forms.Form):
    """What the approver adds to the record."""

    proposal = forms.CharField(label="Ý kiến đề xuất", max_length=1000, required=False)


class SheetForm(forms.Form):
    """A filled count sheet."""

    file = forms.FileField(label="Phiếu đếm đã ghi", error_messages={"required": "Hãy chọn tệp phiếu đếm"})
