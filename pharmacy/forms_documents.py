"""What is typed on the papers of the stores: one form for every kind of document, requests, hand-overs.

Nothing is required here: a draft may be half-filled, and posting says what is missing beside its field.
"""

from typing import Any

from django import forms

from his.accounts.models import Facility, User
from his.ui.forms import DayField, MoneyField, NumberField
from pharmacy.forms import StoreChoice
from pharmacy.models import Funding, StockDocument, StockDraft
from pharmacy.queries import stores

Kind = StockDocument.Kind

BOARD = 6
"""Places on a board that the form offers."""

_GOODS_HEAD = ("supplier", "invoice_symbol", "invoice_number", "invoice_on", "funding", "delivered_by")
HEADS: dict[str, tuple[str, ...]] = {
    Kind.RECEIPT: ("store", *_GOODS_HEAD),
    Kind.OPENING: ("store", "reason"),
    Kind.TRANSFER: ("store", "target_store", "delivered_by", "reason"),
    Kind.SHIPMENT: ("store", "target_store", "delivered_by", "reason"),
    Kind.ARRIVAL: ("delivered_by", "reason"),
    Kind.SUPPLIER_RETURN: ("store", "delivered_by", "reason"),
    Kind.LOSS: ("store", "reason"),
    Kind.DESTRUCTION: ("store", "reason", "method"),
}
REMARKS: dict[str, tuple[str, ...]] = {Kind.RECEIPT: ("appearance", "packaging", "temperature")}
BOARDS: dict[str, str] = {
    Kind.RECEIPT: "Hội đồng kiểm nhập",
    Kind.LOSS: "Người xác nhận",
    Kind.DESTRUCTION: "Hội đồng hủy thuốc",
}
_LABELS: dict[str, dict[str, str]] = {
    Kind.RECEIPT: {"store": "Nhập vào kho", "delivered_by": "Người giao"},
    Kind.OPENING: {"store": "Kho", "reason": "Ghi chú"},
    Kind.TRANSFER: {"store": "Từ kho", "delivered_by": "Người nhận", "reason": "Lý do xuất"},
    Kind.SHIPMENT: {"store": "Từ kho", "delivered_by": "Người nhận", "reason": "Lý do xuất"},
    Kind.ARRIVAL: {"delivered_by": "Người giao", "reason": "Ghi chú"},
    Kind.SUPPLIER_RETURN: {"store": "Xuất từ kho", "delivered_by": "Người nhận", "reason": "Lý do trả"},
    Kind.DESTRUCTION: {"reason": "Lý do hủy"},
}


class DraftForm(forms.Form):
    """The head of a draft: the fields that its kind has."""

    store = StoreChoice(label="Kho", required=False)
    target_store = StoreChoice(label="Đến kho", required=False)
    supplier = forms.CharField(label="Nhà cung cấp", max_length=255, required=False)
    invoice_symbol = forms.CharField(label="Ký hiệu hóa đơn", max_length=20, required=False)
    invoice_number = forms.CharField(label="Số hóa đơn", max_length=30, required=False)
    invoice_on = DayField(label="Ngày hóa đơn", required=False)
    funding = forms.ChoiceField(label="Nguồn kinh phí", choices=[("", "Chưa ghi"), *Funding.choices], required=False)
    delivered_by = forms.CharField(label="Người giao", max_length=255, required=False)
    reason = forms.CharField(label="Lý do", max_length=500, required=False)
    method = forms.CharField(label="Cách hủy", max_length=500, required=False)
    appearance = forms.CharField(label="Nhận xét cảm quan", max_length=500, required=False)
    packaging = forms.CharField(label="Bao bì", max_length=500, required=False)
    temperature = forms.CharField(label="Nhiệt độ khi nhận", max_length=100, required=False)
    confirm_unusual = forms.BooleanField(label="Đã kiểm tra, số liệu đúng", required=False)
    confirm_clock = forms.BooleanField(label="Đã kiểm tra, giờ máy đúng", required=False)

    def __init__(self, *args: Any, draft: StockDraft, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = draft.kind
        head = [name for name in HEADS[self.kind] if not (draft.origin_is_shipment and name == "store")]
        wanted = {*head, *REMARKS.get(self.kind, ()), "confirm_unusual", "confirm_clock"}
        for name in set(self.fields) - wanted:
            del self.fields[name]
        for name, label in _LABELS.get(self.kind, {}).items():
            if name in self.fields:
                self.fields[name].label = label
        for name in {"store", "target_store"} & set(self.fields):
            self.fields[name].queryset = stores(facility)  # type: ignore[attr-defined]
            self.fields[name].empty_label = "Chọn kho"  # type: ignore[attr-defined]
        if self.kind in BOARDS:
            for index in range(BOARD):
                for name, label in (("name", "Họ tên"), ("title", "Chức danh")):
                    self.fields[f"{name}_{index}"] = forms.CharField(
                        label=f"{label} {index + 1}", max_length=255, required=False
                    )
        self.head_names = head

    @property
    def head(self) -> list[forms.BoundField]:
        """The fields of the head, in the order of the paper."""
        return [self[name] for name in self.head_names]

    @property
    def remarks(self) -> list[forms.BoundField]:
        """The remarks of an inspection."""
        return [self[name] for name in REMARKS.get(self.kind, ())]

    @property
    def board(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """Rows of name and title."""
        if self.kind not in BOARDS:
            return []
        return [(self[f"name_{index}"], self[f"title_{index}"]) for index in range(BOARD)]


def _quantity(label: str) -> NumberField:
    return NumberField(label=label, max_digits=12, decimal_places=3, required=False)


class LineForm(forms.Form):
    """One line of a paper. `main` is the search box that opens it, `cells` are the plain cells after it."""

    main = ""
    main_label = ""
    plain: tuple[str, ...] = ()
    text = forms.CharField(required=False, max_length=255)
    unit = forms.CharField(required=False, max_length=50)

    @property
    def box(self) -> forms.BoundField:
        """The search box."""
        return self[self.main]

    @property
    def cells(self) -> list[forms.BoundField | None]:
        """The plain cells of the row; None is an empty one."""
        return [self[name] for name in self.plain]

    @property
    def is_typed(self) -> bool:
        """Whether there is anything in the row."""
        return self.has_changed()

    @property
    def is_removed(self) -> bool:
        """Whether the row was taken out at the screen."""
        return bool(getattr(self, "cleaned_data", {}).get("DELETE"))


class GoodsForm(LineForm):
    """Goods that come in with their lot."""

    main, main_label = "drug", "Thuốc"
    plain: tuple[str, ...] = ("lot_number", "expires_on", "quantity", "unit_cost", "registration_no", "bid_info")
    drug = forms.CharField(label="Thuốc", max_length=50, required=False)
    lot_number = forms.CharField(label="Số lô", max_length=100, required=False)
    expires_on = DayField(label="Hạn dùng", required=False)
    quantity = _quantity("Số lượng")
    unit_cost = MoneyField(label="Đơn giá (đ)", max_digits=13, decimal_places=3, required=False)
    registration_no = forms.CharField(
        label="Số đăng ký", max_length=255, required=False, widget=forms.TextInput({"data-fill": "registration"})
    )
    bid_info = forms.CharField(
        label="Gói thầu", max_length=255, required=False, widget=forms.TextInput({"data-fill": "bid"})
    )


class ReceiptLineForm(GoodsForm):
    """A received line beside what the invoice says."""

    plain = (
        "lot_number",
        "expires_on",
        "quantity",
        "invoice_quantity",
        "unit_cost",
        "vat_rate",
        "registration_no",
        "bid_info",
    )
    quantity = _quantity("SL thực nhập")
    invoice_quantity = _quantity("SL hóa đơn")
    vat_rate = NumberField(label="VAT (%)", max_digits=5, decimal_places=2, required=False)


class LotForm(LineForm):
    """So much of a lot that a store holds."""

    main, main_label = "lot", "Thuốc và lô"
    plain: tuple[str, ...] = ("quantity",)
    lot = forms.CharField(label="Thuốc và lô", max_length=20, required=False)
    quantity = _quantity("Số lượng")


class ChosenLotForm(LotForm):
    """A lot that leaves for another store: one that does not go first needs its reason, whose cell is there once it is
    asked for."""

    plain = ("quantity", "lot_reason")
    lot_reason = forms.CharField(label="Lý do chọn lô", max_length=255, required=False)
    asks_reason = False

    has_reasons = False
    """Whether another row asks for its reason, so that this one has an empty cell under the heading."""

    @property
    def cells(self) -> list[forms.BoundField | None]:
        shown = [self[name] for name in self.plain if name != "lot_reason" or self.asks_reason]
        return [*shown, None] if self.has_reasons and not self.asks_reason else [*shown]


class AskForm(LineForm):
    """A drug that is asked for."""

    main, main_label = "drug", "Thuốc"
    plain = ("quantity", "note")
    drug = forms.CharField(label="Thuốc", max_length=50, required=False)
    quantity = _quantity("Yêu cầu")
    note = forms.CharField(label="Ghi chú", max_length=255, required=False)


class BaseLines(forms.BaseFormSet):
    """Rows left wholly empty do not count; they stay for typing."""

    def typed(self) -> list[LineForm]:
        """The rows with something in them, not removed; also when another row is wrong."""
        return [form for form in self.forms if form.is_typed and not form.is_removed]


def _rows(form: type[LineForm]) -> type[BaseLines]:
    return forms.formset_factory(  # type: ignore[return-value]
        form, formset=BaseLines, extra=1, can_delete=True, max_num=300, absolute_max=300
    )


LINES: dict[str, type[BaseLines]] = {
    **dict.fromkeys(HEADS, _rows(LotForm)),
    **dict.fromkeys((Kind.TRANSFER, Kind.SHIPMENT), _rows(ChosenLotForm)),
    Kind.RECEIPT: _rows(ReceiptLineForm),
    Kind.OPENING: _rows(GoodsForm),
}
AskLines = _rows(AskForm)


class RequestForm(forms.Form):
    """The head of a request."""

    store = StoreChoice(label="Kho lĩnh")
    source_store = StoreChoice(label="Lĩnh từ kho")
    note = forms.CharField(label="Ghi chú", max_length=500, required=False)
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("store", "source_store"):
            self.fields[name].queryset = stores(facility)  # type: ignore[attr-defined]


class HandoverForm(forms.Form):
    """Who takes a cabinet over."""

    taken_by = forms.ModelChoiceField(
        User.objects.none(),
        label="Người nhận",
        empty_label="Chọn người nhận",
        error_messages={"required": "Hãy chọn người nhận ca"},
    )
    note = forms.CharField(label="Ghi chú chung", max_length=500, required=False)
    idempotency_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, facility: Facility, giver: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        colleagues = User.objects.filter(memberships__facility=facility, memberships__is_active=True, is_active=True)
        found = colleagues.exclude(pk=giver.pk).distinct().order_by("first_name", "username")
        self.fields["taken_by"].queryset = found  # type: ignore[attr-defined]
        self.fields["taken_by"].label_from_instance = lambda user: user.display_name  # type: ignore[attr-defined]
