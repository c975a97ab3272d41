"""What is typed at the pharmacy's desks."""

from typing import Any

from django import forms

from his.accounts.models import Department, Facility
from pharmacy.models import Store


class ReasonForm(forms.Form):
    """Why something is undone, blocked or written off."""

    reason = forms.CharField(label="Lý do", max_length=500, error_messages={"required": "Hãy ghi lý do"})


class SignForm(forms.Form):
    """The own password, as a signature."""

    password = forms.CharField(
        label="Mật khẩu của bạn",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        error_messages={"required": "Hãy gõ mật khẩu để ký"},
    )


class StoreForm(forms.Form):
    """A new store."""

    code = forms.CharField(label="Mã kho", max_length=20, error_messages={"required": "Hãy gõ mã kho"})
    name = forms.CharField(label="Tên kho", max_length=100, error_messages={"required": "Hãy gõ tên kho"})
    kind = forms.ChoiceField(label="Loại", choices=Store.Kind.choices, initial=Store.Kind.DISPENSARY)
    department = forms.ModelChoiceField(
        Department.objects.none(), label="Khoa (của tủ trực)", required=False, empty_label="Không"
    )

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        departments = Department.objects.for_facility(facility).filter(is_active=True).order_by("name")
        self.fields["department"].queryset = departments  # type: ignore[attr-defined]


class StoreChoice(forms.ModelChoiceField):
    """One active store of the facility; others do not exist."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            Store.objects.none(),
            empty_label=None,
            error_messages={"required": "Hãy chọn kho", "invalid_choice": "Kho này không có tại cơ sở"},
            **kwargs,
        )
