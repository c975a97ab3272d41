"""What is typed at the dispensing window."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms

from his.ui.forms import NumberField
from his.ui.text import day_text, decimal_text, money_text
from patients.models import PrescriptionRefusal
from pharmacy.handout import Bringer, LineChoice, ReturnedLine
from pharmacy.models import NotGiven
from pharmacy.queries_window import GivenLine, Substitute, WindowLine
from pharmacy.services.dispensing import TWO_PERSONS

_REASONS = [row for row in NotGiven.Reason.choices if row[0] != NotGiven.Reason.RETURNED]
_WHY = "– vì sao cấp thiếu –"


class LineForm(forms.Form):
    """How one line is handed out when it is not simply all of it from the first lots to expire."""

    quantity = NumberField(label="Cấp", max_digits=12, decimal_places=3, required=False)
    reason = forms.ChoiceField(label="Lý do cấp thiếu", choices=[("", _WHY), *_REASONS], required=False)
    note = forms.CharField(label="Ghi rõ", max_length=255, required=False)
    later = forms.BooleanField(label="Phần thiếu lấy sau", required=False)
    lot = forms.ChoiceField(label="Lô lấy trước", required=False)
    lot_reason = forms.CharField(label="Lý do chọn lô", max_length=255, required=False)
    drug = forms.ChoiceField(label="Thay bằng", required=False)
    agreed_by = forms.CharField(label="Người đồng ý thay", max_length=255, required=False)
    doctor_name = forms.CharField(label="Bác sĩ đồng ý", max_length=255, required=False)

    def __init__(self, line: WindowLine, patient_name: str, data: Mapping[str, str] | None = None) -> None:
        super().__init__(
            data,
            prefix=f"line-{line.line.pk}",
            initial={"quantity": line.possible, "agreed_by": patient_name if line.substitutes else ""},
        )
        self.line = line
        fields: Any = self.fields
        fields["lot"].choices = [
            ("", "hết hạn trước"),
            *((str(one.lot.pk), f"{one.lot.number} · {day_text(one.lot.expires_on)} · {decimal_text(one.quantity)}")
              for one in line.lots),
        ]  # fmt: skip
        fields["drug"].choices = [("", "không thay"), *((one.drug.code, price_text(one)) for one in line.substitutes)]

    @property
    def is_open(self) -> bool:
        """Whether the line needs a decision, so that its fields are shown."""
        return self.line.is_short or bool(self.errors) or (self.is_bound and self.has_changed())

    def choice(self) -> LineChoice:
        """The line as the service takes it; what was left empty is as proposed."""
        data = self.cleaned_data
        quantity = data.get("quantity")
        drug = data.get("drug") or ""
        return LineChoice(
            line_id=self.line.line.pk,
            quantity=self.line.part.open if quantity is None else quantity,
            reason=data.get("reason") or "",
            note=data.get("note") or "",
            is_final=not data.get("later"),
            lot_id=int(data["lot"]) if data.get("lot") and not drug else None,
            lot_reason=data.get("lot_reason") or "",
            drug_code=drug,
            agreed_by=data.get("agreed_by") or "",
            doctor_name=data.get("doctor_name") or "",
        )


def price_text(one: Substitute) -> str:
    """A product with what there is and what it costs more, for the unit and for the patient."""
    change = f"giá {_signed(one.price_change)} đ/{one.drug.unit.lower()}" if one.price_change else "cùng giá"
    if one.patient_change is None:
        patient = "chưa tính được phần người bệnh"
    elif one.patient_change:
        patient = f"người bệnh trả {_signed(one.patient_change)} đ"
    else:
        patient = "người bệnh trả như cũ"
    return f"{one.drug.name} · còn {decimal_text(one.left)} · {change} · {patient}"


def _signed(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else '−'}{money_text(abs(amount))}"


class HandOverForm(forms.Form):
    """Who takes drugs under special control, and the second person who confirms."""

    recipient_name = forms.CharField(label="Người nhận thuốc", max_length=255, required=False)
    recipient_id_number = forms.CharField(label="Số giấy tờ người nhận", max_length=30, required=False)
    witness_username = forms.CharField(label="Người xác nhận", max_length=150, required=False)
    witness_password = forms.CharField(
        label="Mật khẩu người xác nhận",
        max_length=256,
        required=False,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "off"}),
    )


class SendBackForm(forms.Form):
    """Why a prescription goes back to the doctor."""

    reason = forms.ChoiceField(
        label="Lý do",
        choices=[("", "– chọn –"), *PrescriptionRefusal.Reason.choices],
        error_messages={"required": "Hãy chọn lý do trả đơn"},
    )
    note = forms.CharField(
        label="Ghi rõ cho bác sĩ", max_length=500, error_messages={"required": "Ghi rõ để bác sĩ biết cần sửa gì"}
    )


class LeaveOutForm(forms.Form):
    """Why what is still open is not given any more."""

    reason = forms.ChoiceField(
        label="Lý do", choices=[("", "– chọn –"), *_REASONS], error_messages={"required": "Hãy chọn lý do không cấp"}
    )
    note = forms.CharField(label="Ghi rõ", max_length=255, required=False)


class CounselForm(forms.Form):
    """What the patient was told."""

    counselling = forms.CharField(
        label="Đã tư vấn",
        max_length=2000,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": "Hãy ghi nội dung tư vấn"},
    )


class ReturnForm(forms.Form):
    """The head of a return."""

    reason = forms.CharField(
        label="Lý do trả lại", max_length=255, error_messages={"required": "Hãy ghi lý do trả lại"}
    )
    handed_by = forms.CharField(label="Người giao", max_length=255, required=False)
    handed_by_id_number = forms.CharField(label="Số định danh người giao", max_length=20, required=False)
    idempotency_key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def said(self) -> dict[str, Any]:
        """What was typed, as the service takes it."""
        data = self.cleaned_data
        return {
            "reason": data["reason"],
            "bringer": Bringer(data["handed_by"], data["handed_by_id_number"]),
            "idempotency_key": data["idempotency_key"],
        }


class ReturnLineForm(forms.Form):
    """How much of one lot came back."""

    quantity = NumberField(label="Trả lại", max_digits=12, decimal_places=3, required=False)
    is_intact = forms.BooleanField(label="Còn nguyên, cấp lại được", required=False)
    condition = forms.CharField(label="Tình trạng", max_length=255, required=False)

    def __init__(self, line: GivenLine, data: Mapping[str, str] | None = None) -> None:
        super().__init__(data, prefix=f"return-{line.row.pk}")
        self.line = line
        self.fields["quantity"].label = f"Trả lại {line.row.lot.drug.name}"
        self.fields["quantity"].widget.attrs["data-focus"] = ""  # the page goes to the first of them

    def returned(self) -> ReturnedLine | None:
        """What came back, or nothing."""
        quantity = self.cleaned_data.get("quantity")
        data = self.cleaned_data
        return ReturnedLine(self.line.row.pk, quantity, data["is_intact"], data["condition"]) if quantity else None

    @property
    def is_controlled(self) -> bool:
        """Whether the drug is under special control, so that a record says how it looked."""
        return self.line.row.lot.drug.control_class in TWO_PERSONS


def all_valid(forms_: Sequence[forms.Form]) -> bool:
    """Whether all are, every one of them checked so that all errors are shown."""
    return sum(not form.is_valid() for form in forms_) == 0


def put_refusal(forms_: Sequence[forms.Form], field: str | None, message_vi: str) -> bool:
    """Put a message beside the field of one of several forms, named with its prefix; whether one has it."""
    for form in forms_:
        name = (field or "").removeprefix(f"{form.prefix}-") if form.prefix else (field or "")
        if name in form.fields and form.add_prefix(name) == field:
            form.add_error(name, message_vi)
            return True
    return False
