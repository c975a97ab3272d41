"""What is typed in a ward: into which bed, since when, how many lie in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms

from his.accounts.models import Department
from his.catalogs.models import PricedService
from his.ui.forms import MomentField
from his.ui.text import money_text
from patients.models import BedStay
from patients.models.beds import SHARES
from patients.wards import department_of


class _Timed(forms.Form):
    """Something that happened at `at`, not later than now."""

    at = MomentField(label="Lúc", help_text="ngày và giờ, như 22/11/2026 08:05")

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean_at(self) -> datetime:
        """The moment; refuses one that is still to come."""
        at: datetime = self.cleaned_data["at"]
        if at > self.now:
            raise forms.ValidationError("Giờ này chưa tới", code="future")
        return at


class BedForm(_Timed):
    """One way of lying in a ward; `visit_type` only of an admission."""

    visit_type = forms.ChoiceField(label="Loại hình điều trị")
    department = forms.TypedChoiceField(label="Khoa", coerce=int)
    bed_code = forms.CharField(label="Mã giường", max_length=4, help_text="H, T, C, K và 3 chữ số")
    service_code = forms.ChoiceField(label="Ngày giường")
    medical_service_code = forms.ChoiceField(
        label="Sau 10 ngày kể từ khi mổ tính theo", required=False, help_text="chỉ chọn khi nằm giường ngoại khoa, bỏng"
    )
    patients_in_bed = forms.TypedChoiceField(label="Số người nằm", choices=SHARES, coerce=int)
    is_stretcher = forms.BooleanField(label="Băng ca, giường gấp", required=False)

    field_order = ["visit_type", "at", "department", "bed_code", "service_code", "patients_in_bed"]

    def __init__(
        self,
        *args: Any,
        departments: Sequence[Department],
        services: Sequence[PricedService],
        visit_types: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._choose("department", [(row.pk, f"{row.code} {row.name}") for row in departments])
        listed = [(row.code, f"{row.code} {row.name} ({money_text(row.price)} đ)") for row in services]
        self._choose("service_code", [("", "Chọn ngày giường"), *listed])
        self._choose("medical_service_code", [("", "Không áp dụng"), *listed])
        if visit_types:
            self._choose("visit_type", visit_types)
        else:
            del self.fields["visit_type"]
        self.fields["bed_code"].widget.attrs |= {"autocomplete": "off", "placeholder": "H001", "data-focus": ""}

    def _choose(self, name: str, choices: Sequence[tuple[Any, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    @staticmethod
    def as_it_is(stay: BedStay, now: datetime) -> dict[str, Any]:
        """What the form begins with when somebody moves: the bed as it is, now."""
        names = ("bed_code", "service_code", "medical_service_code", "patients_in_bed", "is_stretcher")
        return {"at": now, "department": stay.department_id, **{name: getattr(stay, name) for name in names}}


class LeaveForm(_Timed):
    """When somebody left the ward."""


class UndoForm(forms.Form):
    """Why the last step is taken back."""

    reason = forms.CharField(label="Lý do hủy bước vừa ghi", max_length=500)


def for_department(services: Sequence[PricedService], department: Department | None) -> list[PricedService]:
    """Bed days with those of the department first."""
    code = department.code if department is not None else ""
    return sorted(services, key=lambda row: (department_of(row.code) not in ("", code[:3]), row.code))
