"""What is typed about charges at the cashier's desk: waivers, and what the patient wishes to pay alone."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms

from his.ui.forms import MoneyField, NumberField
from his.ui.text import money_text
from insurance.billing.fee_waivers import Reason
from insurance.billing.origins import Source
from insurance.models import BenefitLine, BenefitResult, FeeWaiver


class ShareField(forms.Field):
    """An amount in đồng, or a share typed with its sign: `100.000`, `50%`, `12,5 %`. Gives (amount, percent)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs |= {"inputmode": "text", "autocomplete": "off", "class": "num"}

    def to_python(self, value: Any) -> tuple[Decimal | None, Decimal | None] | None:
        typed = str(value or "").strip()
        if not typed:
            return None
        if typed.endswith("%"):
            return None, NumberField(error_messages={"required": "Hãy gõ phần trăm"}).clean(typed[:-1])
        return MoneyField().clean(typed), None


class FeeWaiverForm(forms.Form):
    """What is waived, how much of it, and why."""

    line = forms.ChoiceField(label="Miễn giảm cho", required=False)
    amount = ShareField(
        label="Số tiền hoặc %",
        help_text="Gõ 100.000 hoặc 50%",
        error_messages={"required": "Hãy gõ số tiền, hoặc phần trăm"},
    )
    reason_code = forms.ChoiceField(
        label="Lý do",
        choices=[("", "Chọn lý do"), *FeeWaiver.Reason.choices],
        error_messages={"required": "Hãy chọn lý do"},
    )
    reason = forms.CharField(label="Nói rõ", max_length=500, error_messages={"required": "Hãy ghi rõ lý do"})
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, result: BenefitResult, lines: Sequence[BenefitLine], **kwargs: Any) -> None:
        super().__init__(*args, **{"prefix": "waive", **kwargs})
        whole = ("", f"Cả lượt khám · {money_text(result.patient_amount)} đ")
        self._lines = {str(line.pk): line for line in lines if line.patient_amount > 0}
        named = [
            (pk, f"{line.charge.name[:60]} · {money_text(line.patient_amount)} đ") for pk, line in self._lines.items()
        ]
        self.fields["line"].choices = [whole, *named]  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        """The arguments of the service, of a valid form."""
        data = self.cleaned_data
        amount, percent = data["amount"]
        return {
            "line": self._lines.get(data["line"]),
            "amount": amount,
            "percent": percent,
            "reason": Reason(data["reason_code"], data["reason"]),
            "idempotency_key": data["idempotency_key"],
        }


class SelfPayForm(forms.Form):
    """One thing that the patient wishes to pay alone, named as `kind:id`."""

    source = forms.ChoiceField(label="Khoản", error_messages={"required": "Hãy chọn khoản"})
    reason = forms.CharField(
        label="Lý do, ý muốn của người bệnh", max_length=500, error_messages={"required": "Hãy ghi lý do"}
    )

    def __init__(self, *args: Any, sources: Sequence[Source], **kwargs: Any) -> None:
        super().__init__(*args, **{"prefix": "self-pay", **kwargs})
        self.fields["source"].choices = [  # type: ignore[attr-defined]
            (f"{row.kind}:{row.id}", f"{row.name[:60]} · {money_text(row.quantity * row.hospital_price)} đ")
            for row in sources
        ]

    def chosen(self) -> dict[str, Any]:
        """The arguments of the service, of a valid form."""
        kind, _, number = self.cleaned_data["source"].partition(":")
        return {"source_kind": kind, "source_id": int(number), "reason": self.cleaned_data["reason"]}


class CancelWaiverForm(forms.Form):
    """Why a waiver is taken back."""

    cancel_reason = forms.CharField(
        label="Lý do hủy", max_length=500, error_messages={"required": "Hãy ghi lý do hủy miễn giảm"}
    )
