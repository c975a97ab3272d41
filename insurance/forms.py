"""What is typed at the cashier's desk and in the claims screen."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from his.ui.forms import MoneyField
from insurance.billing.drawers import DENOMINATIONS, NOTES_MAX
from insurance.models import CashEntry, FindingWaiver
from insurance.rules.files import AUTO
from insurance.standards import available, load

_NEEDED = {"required": "Hãy gõ số tiền"}


class CloseForm(forms.Form):
    """Closing a visit; the reason is asked for only when prescribed drugs were not handed out, the mark only when
    something costs more than the usual price and no notice is on record."""

    drugs_declined_reason = forms.CharField(
        label="Lý do không nhận thuốc", max_length=500, required=False, widget=forms.TextInput({"form": "close"})
    )
    seen = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)
    extra_told = forms.BooleanField(
        label="Đã báo người bệnh", required=False, widget=forms.CheckboxInput({"form": "close"})
    )

    def __init__(self, *args: Any, asks_told: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if asks_told:
            self.fields["extra_told"].widget.attrs["data-focus"] = ""


class CollectForm(forms.Form):
    """Money taken: the amount stands there already, cash unless said otherwise.

    `tendered` is what was handed over in cash, `change` what of it goes back, None when nobody said; neither is kept.
    """

    change: Decimal | None = None
    amount = MoneyField(label="Số tiền thu", error_messages=_NEEDED)
    tendered = MoneyField(label="Khách đưa", required=False)
    method = forms.ChoiceField(label="Hình thức", choices=CashEntry.Method.choices, initial=CashEntry.Method.CASH)
    bank_reference = forms.CharField(
        label="Mã giao dịch ngân hàng",
        max_length=60,
        required=False,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].widget.attrs |= {"data-focus": "", "data-select": ""}
        self.fields["tendered"].widget.attrs |= {"data-change-of": "#id_amount", "data-change-in": "#change"}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        amount, tendered = values.get("amount"), values.pop("tendered", None)
        if values.get("method") == CashEntry.Method.CASH and amount is not None and tendered is not None:
            self.change = tendered - amount
            if self.change < 0:
                self.add_error("tendered", "Khách đưa ít hơn số tiền thu")
        return values


class RefundForm(forms.Form):
    """Money given back from one receipt."""

    amount = MoneyField(label="Số tiền hoàn", error_messages=_NEEDED)
    reason = forms.CharField(label="Lý do hoàn", max_length=500, error_messages={"required": "Hãy ghi lý do hoàn tiền"})
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    """Why a closed visit is opened again."""

    reason = forms.CharField(label="Lý do mở lại", max_length=500, error_messages={"required": "Hãy ghi lý do"})


class WaiverForm(forms.Form):
    """Why a finding is let pass; `expected` is how many findings the person saw, for a whole cause."""

    code = forms.ChoiceField(
        label="Lý do",
        choices=[("", "Chọn lý do"), *FindingWaiver.Reason.choices],
        error_messages={"required": "Hãy chọn lý do"},
    )
    text = forms.CharField(
        label="Nói rõ", max_length=500, error_messages={"required": "Hãy ghi rõ lý do để người sau hiểu được"}
    )
    expected = forms.IntegerField(required=False, min_value=0, max_value=10_000_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, is_open: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_open:
            self.fields["code"].widget.attrs["data-focus"] = ""


class OpenSessionForm(forms.Form):
    """The float a drawer begins with."""

    opening_float = MoneyField(label="Tiền đầu ca", initial=Decimal(0), error_messages=_NEEDED)
    back = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["opening_float"].widget.attrs |= {"data-focus": "", "data-select": ""}


class CountForm(forms.Form):
    """How many notes of each face value the drawer holds, empty for none."""

    note = forms.CharField(label="Lý do chênh lệch", max_length=500, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for face in DENOMINATIONS:
            self.fields[f"notes_{face}"] = forms.IntegerField(
                label=f"{face:,}".replace(",", "."),
                required=False,
                min_value=0,
                max_value=NOTES_MAX,
                widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off", "class": "num"}),
                error_messages={"invalid": "Hãy gõ số tờ", "min_value": "Số tờ không âm", "max_value": "Quá nhiều"},
            )
        self.fields[f"notes_{DENOMINATIONS[0]}"].widget.attrs["data-focus"] = ""

    @property
    def rows(self) -> list[tuple[int, forms.BoundField, Decimal]]:
        """Face value, field and what its notes come to, đồng."""
        return [(face, self[f"notes_{face}"], Decimal(face * self._count(face))) for face in DENOMINATIONS]

    def notes(self) -> dict[int, int]:
        """Face value -> number of notes, of a valid form."""
        return {face: self._count(face) for face in DENOMINATIONS if self._count(face)}

    def counted(self) -> Decimal:
        """What all notes come to, đồng; fields in error count as none."""
        return Decimal(sum(face * self._count(face) for face in DENOMINATIONS))

    def _count(self, face: int) -> int:
        return (self.cleaned_data.get(f"notes_{face}") or 0) if hasattr(self, "cleaned_data") else 0


class MonthField(forms.Field):
    """A month typed as `10/2026`, `102026` or sent by the browser as `2026-10`; the first day of it."""

    def to_python(self, value: Any) -> date | None:
        raw = str(value or "").strip()
        if not raw:
            return None
        digits = "".join(c for c in raw if c.isdecimal() and c.isascii())
        parts = (digits[:4], digits[4:]) if raw[4:5] == "-" else (digits[-4:], digits[:-4])
        try:
            return date(int(parts[0]), int(parts[1]), 1)
        except (ValueError, OverflowError):
            raise forms.ValidationError("Tháng gõ dạng 10/2026", code="invalid") from None


class MonthForm(forms.Form):
    """Which claim month."""

    month = MonthField(label="Tháng quyết toán", required=False)


class FileCheckForm(forms.Form):
    """Claim files of any system to be checked. The files themselves are read from the request: there may be many."""

    standard = forms.ChoiceField(label="Chuẩn dữ liệu", required=False)
    own = forms.BooleanField(
        label="Là hồ sơ của cơ sở đang làm việc: đối chiếu cả bảng giá, danh mục thuốc, nhân viên", required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        forced = [(name, f"Luôn theo {name}: {load(name).title}") for name in reversed(available())]
        self.fields["standard"].choices = [(AUTO, "Theo ngày ra viện của từng hồ sơ"), *forced]  # type: ignore[attr-defined]
