"""What is typed at the screens of electronic invoices."""

from typing import Any

from django import forms

from his.ui.forms import DayField
from insurance.billing.invoices import wording
from insurance.billing.invoices.profile import FORM_NOS
from insurance.billing.invoices.services import Buyer
from insurance.models import Invoice, InvoiceProfile

_REASON = {"required": "Hãy ghi lý do"}


class BuyerForm(forms.Form):
    """Who is written on an invoice."""

    buyer_name = forms.CharField(
        label="Họ tên người mua", max_length=255, error_messages={"required": "Hãy ghi tên người mua"}
    )
    buyer_citizen_id = forms.CharField(label="Số định danh", max_length=12, required=False)
    buyer_address = forms.CharField(label="Địa chỉ", max_length=500, required=False)
    buyer_tax_code = forms.CharField(label="Mã số thuế", max_length=14, required=False)
    buyer_company = forms.CharField(label="Tên đơn vị", max_length=255, required=False)
    buyer_email = forms.CharField(label="Email nhận hóa đơn", max_length=255, required=False)
    idempotency_key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, is_open: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("buyer_citizen_id", "buyer_tax_code"):
            self.fields[name].widget.attrs |= {"inputmode": "numeric", "autocomplete": "off"}
        if is_open:
            self.fields["buyer_name"].widget.attrs |= {"data-focus": "", "data-select": ""}

    def buyer(self) -> Buyer:
        """The buyer of a valid form."""
        return Buyer(**{name: self.cleaned_data[name] for name in Buyer.__dataclass_fields__})


class CorrectForm(BuyerForm):
    """A wrong tax code put right."""

    method = forms.ChoiceField(label="Cách sửa")
    reason = forms.CharField(label="Lý do", max_length=500, error_messages=_REASON)

    def __init__(self, *args: Any, methods: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, is_open=False, **kwargs)
        names = methods or (Invoice.Relation.ADJUSTMENT, Invoice.Relation.REPLACEMENT)
        self.fields["method"].choices = [(name, Invoice.Relation(name).label) for name in names]  # type: ignore[attr-defined]


class NoticeForm(forms.Form):
    """A wrong name or address told to the tax office."""

    reason = forms.CharField(label="Sai sót", max_length=500, error_messages={"required": "Hãy ghi nội dung sai"})
    right_text = forms.CharField(
        label="Nội dung đúng", max_length=500, error_messages={"required": "Hãy ghi nội dung đúng"}
    )


class ProfileForm(forms.Form):
    """What a facility declares about its invoices."""

    seller_name = forms.CharField(label="Tên người bán", max_length=255)
    seller_address = forms.CharField(label="Địa chỉ", max_length=255)
    tax_code = forms.CharField(label="Mã số thuế", max_length=14)
    form_no = forms.ChoiceField(label="Mẫu số", choices=FORM_NOS.items(), initial="2")
    symbol = forms.CharField(label="Ký hiệu", max_length=6, help_text="Ví dụ C26TYY; chữ thứ tư M: máy tính tiền")
    vat_code = forms.ChoiceField(label="Thuế suất", initial="KCT")
    provider = forms.ChoiceField(label="Nhà cung cấp", choices=InvoiceProfile.Provider.choices)
    since = DayField(label="Từ ngày")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taxed = {code for code in wording.vat_names() if wording.vat_rate(code) not in {"", "0"}}
        free = [(code, name) for code, name in wording.vat_names().items() if code not in taxed]
        self.fields["vat_code"].choices = free  # type: ignore[attr-defined]
        self.fields["seller_name"].widget.attrs["data-focus"] = ""
        for field in self.fields.values():
            field.error_messages["required"] = "Hãy điền ô này"
