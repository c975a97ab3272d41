"""What is typed around the cash ledger: deposits, voids, hand-over, decisions, closing a day, rules of the desk."""

from typing import Any

from django import forms

from his.ui.forms import DayField, MoneyField
from insurance.forms import CollectForm

_REASON = {"required": "Hãy ghi lý do"}


class DepositForm(CollectForm):
    """A deposit taken while the visit is open."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].label = "Số tiền tạm ứng"


class VoidForm(forms.Form):
    """Why a paper is voided."""

    reason = forms.CharField(label="Lý do hủy phiếu", max_length=500, error_messages=_REASON)


class PayOutForm(forms.Form):
    """Paying out a refund that was approved."""

    request = forms.IntegerField(widget=forms.HiddenInput)
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)


class ReceiveForm(forms.Form):
    """What was counted at the hand-over; it stands there as the cashier counted it."""

    amount = MoneyField(label="Số tiền nhận", error_messages={"required": "Hãy gõ số tiền đã đếm"})
    note = forms.CharField(label="Lý do chênh lệch", max_length=500, required=False)


class DecideForm(forms.Form):
    """A decision on a refund; declining says why."""

    note = forms.CharField(label="Ghi chú", max_length=500, required=False)
    decision = forms.ChoiceField(choices=[("approve", "Duyệt"), ("decline", "Không duyệt")])


class CloseDayForm(forms.Form):
    """Closing a day."""

    day = DayField(label="Ngày", error_messages={"required": "Hãy gõ ngày"})
    note = forms.CharField(label="Ghi chú", max_length=500, required=False)


class CashRulesForm(forms.Form):
    """Rules of the desk from a day on."""

    since = DayField(label="Áp dụng từ ngày", error_messages={"required": "Hãy gõ ngày"})
    refund_limit = MoneyField(
        label="Hoàn trên số này phải có người duyệt", required=False, help_text="Để trống: không đặt ngưỡng"
    )
    book_size = forms.IntegerField(
        label="Số phiếu mỗi quyển",
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off", "class": "num"}),
        error_messages={"required": "Hãy gõ số phiếu", "invalid": "Hãy gõ một số"},
    )


class BankAccountForm(forms.Form):
    """The account for transfers from a day on."""

    since = DayField(label="Áp dụng từ ngày", error_messages={"required": "Hãy gõ ngày"})
    bank_bin = forms.CharField(
        label="Mã BIN ngân hàng", max_length=6, widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"})
    )
    bank_name = forms.CharField(label="Tên ngân hàng", max_length=100, required=False)
    number = forms.CharField(label="Số tài khoản", max_length=30, widget=forms.TextInput({"autocomplete": "off"}))
    holder = forms.CharField(label="Tên tài khoản", max_length=100, help_text="Lưu chữ hoa không dấu")
    content_prefix = forms.CharField(
        label="Tiền tố nội dung chuyển khoản", max_length=8, initial="VP", help_text="Chữ hoa không dấu, chữ số"
    )
