"""What is typed at the register of managed patients."""

from datetime import date
from typing import Any

from django import forms

from his.ui.forms import DayField
from patients.chronic import diseases_on
from patients.models import ManagedPatient

_ENDS = (ManagedPatient.State.TRANSFERRED, ManagedPatient.State.DIED, ManagedPatient.State.ENDED)


class EnrolForm(forms.Form):
    """Somebody who is enrolled by hand: who (code, ID, card, name), for what, since when."""

    who = forms.CharField(
        label="Người bệnh", max_length=100, help_text="mã NB, số định danh, thẻ hoặc họ tên", required=False
    )
    disease = forms.ChoiceField(label="Bệnh")
    diagnosis_code = forms.CharField(label="Mã ICD-10", max_length=8, required=False)
    enrolled_on = DayField(label="Từ ngày", required=False, help_text="để trống là hôm nay")
    is_newly_found = forms.BooleanField(label="Phát hiện mới", required=False)
    note = forms.CharField(label="Ghi chú", max_length=500, required=False)

    def __init__(self, *args: Any, on: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["disease"].choices = [(row.code, row.name) for row in diseases_on(on).values()]  # type: ignore[attr-defined]
        self.fields["who"].widget.attrs |= {"autocomplete": "off", "data-focus": ""}


class DeclineForm(forms.Form):
    """Why a proposed person is not to be managed."""

    reason = forms.CharField(
        label="Lý do không quản lý",
        max_length=500,
        required=False,
        widget=forms.TextInput({"autocomplete": "off", "data-focus": ""}),
    )


class EndForm(forms.Form):
    """Why and when the management ends."""

    state = forms.ChoiceField(label="Kết thúc vì", choices=[(one.value, one.label) for one in _ENDS])
    ended_on = DayField(label="Ngày", required=False, help_text="để trống là hôm nay")
    reason = forms.CharField(label="Lý do, nơi chuyển đến", max_length=500, required=False)
