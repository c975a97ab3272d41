"""What is typed to link a facility to the national prescription system."""

from django import forms

from his.ui.forms import DayField
from patients.models import NationalLink


class LinkForm(forms.Form):
    """Which system, and from which day of signing on."""

    system = forms.ChoiceField(label="Hệ thống", choices=NationalLink.System.choices)
    since = DayField(label="Gửi đơn ký từ ngày", error_messages={"required": "Hãy gõ ngày"})
