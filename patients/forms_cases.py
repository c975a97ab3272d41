"""What is typed about a case of an infectious disease: its sheet, its report, how it ended."""

from typing import Any

from django import forms

from his.ui.forms import DayField, MomentField
from patients.models import DiseaseCase
from patients.services.cases import SHEET_TEXTS, longest

_LONG = {"symptoms": 3, "treatment": 2, "test_result": 2}


class SheetForm(forms.Form):
    """What the desk asks for the case sheet."""

    case_class = forms.ChoiceField(label="Phân loại ca", choices=DiseaseCase.CaseClass.choices)
    onset_on = DayField(label="Ngày khởi phát", required=False)
    specimen_on = DayField(label="Ngày lấy mẫu", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SHEET_TEXTS:
            label = str(DiseaseCase._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
            rows = _LONG.get(name)
            widget = forms.Textarea({"rows": rows}) if rows else forms.TextInput({"autocomplete": "off"})
            self.fields[name] = forms.CharField(
                label=label[0].upper() + label[1:], max_length=longest(name), required=False, widget=widget
            )

        self.fields["workplace"].widget.attrs["data-focus"] = ""

    @classmethod
    def of(cls, case: DiseaseCase) -> "SheetForm":
        """The sheet as it stands."""
        names = ("case_class", "onset_on", "specimen_on", *SHEET_TEXTS)
        return cls(initial={name: getattr(case, name) for name in names})

    def values(self) -> dict[str, Any]:
        """Arguments of `save_sheet`."""
        data = self.cleaned_data
        plain = {name: data[name] for name in ("case_class", "onset_on", "specimen_on")}
        return {**plain, "texts": {name: data[name] for name in SHEET_TEXTS}}


class ReportForm(forms.Form):
    """That the case was reported: how, under which code, when."""

    channel = forms.ChoiceField(label="Cách báo", choices=DiseaseCase.Channel.choices)
    system_code = forms.CharField(
        label="Mã ca trên hệ thống", max_length=50, required=False, widget=forms.TextInput({"autocomplete": "off"})
    )
    reported_at = MomentField(label="Báo lúc", required=False, help_text="để trống là bây giờ")


class EnterForm(forms.Form):
    """The code that a case reported by other means got on the system."""

    system_code = forms.CharField(
        label="Mã ca trên hệ thống", max_length=50, required=False, widget=forms.TextInput({"autocomplete": "off"})
    )


class DischargeForm(forms.Form):
    """The outcome that was told to the system."""

    outcome = forms.CharField(label="Kết quả điều trị", max_length=255, required=False)


class DeathForm(forms.Form):
    """When the person died."""

    died_at = MomentField(label="Tử vong lúc")


class ReasonForm(forms.Form):
    """Why a case is excluded, or is none any more."""

    exclusion_reason = forms.CharField(label="Lý do", max_length=500, required=False)
