"""What is typed at the reports desk."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms

from reports.period import Period


class RunForm(forms.Form):
    """Which form of which month to make."""

    form = forms.ChoiceField(label="Mẫu báo cáo")
    month = forms.CharField(label="Kỳ", max_length=7, help_text="gõ 10/2026, hoặc Q4/2026 cho quý")
    store = forms.ChoiceField(label="Kho (biểu dược)", required=False)

    def __init__(
        self, *args: Any, choices: Sequence[tuple[str, Any]], stores: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["form"].choices = choices  # type: ignore[attr-defined]
        self.fields["store"].choices = [("", "Toàn cơ sở"), *stores]  # type: ignore[attr-defined]
        self.fields["month"].widget.attrs |= {"autocomplete": "off"}

    def clean_month(self) -> Period:
        """The month or quarter."""
        try:
            return Period.parse(self.cleaned_data["month"])
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from None


class MonthForm(forms.Form):
    """Which month to reconcile."""

    month = forms.CharField(label="Tháng", max_length=7, help_text="gõ 10/2026")

    def clean_month(self) -> date:
        """The first day of the month."""
        try:
            return Period.parse_month(self.cleaned_data["month"]).start
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from None


def last_month(today: date) -> str:
    """The month before today's, as it is typed: the one that is due."""
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return f"{month:02d}/{year}"
