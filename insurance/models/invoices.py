"""Electronic invoices made of cash entries (hóa đơn điện tử; NĐ 254/2026/NĐ-CP, TT 91/2026/TT-BTC), and their queue.

A document is written here first and sent afterwards: taking money never waits for the provider. There is no cancelling:
what was issued stays, a correction names it. Each cash entry is in exactly one document.
"""

import pgtrigger
from django.db import models
from django.db.models import Q

from his.core.models import DatedModel, FacilityModel, no_overlap, period_order
from insurance.models.billing import MONEY, PRICE

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_DELETE = pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)


class InvoiceProfile(DatedModel, FacilityModel):
    """As whom and under which symbol the facility issues invoices, for a period (đăng ký hóa đơn điện tử).

    `form_no` is the digit of the kind (mẫu số), `symbol` the six characters (ký hiệu) whose middle digits are the
    year; its fourth letter is M for invoices of a cash register.
    """

    class Provider(models.TextChoices):
        STAND_IN = "stand_in", "Giả lập (không có giá trị pháp lý)"

    seller_name = models.CharField("tên người bán", max_length=255)
    seller_address = models.CharField("địa chỉ", max_length=255)
    tax_code = models.CharField("mã số thuế", max_length=14)
    form_no = models.CharField("mẫu số", max_length=1, default="2")
    symbol = models.CharField("ký hiệu", max_length=6)
    vat_code = models.CharField("thuế suất", max_length=5, default="KCT")
    provider = models.CharField("nhà cung cấp", max_length=20, choices=Provider.choices, default=Provider.STAND_IN)

    class Meta:
        constraints = [
            no_overlap("invoice_profile", "facility"),
            period_order("invoice_profile"),
            models.CheckConstraint(
                condition=Q(symbol__regex=r"^[CK][0-9]{2}[A-Z]{3}$", form_no__regex=r"^[1-9]$"),
                name="invoice_symbol_shape",
            ),
            models.CheckConstraint(
                condition=Q(tax_code__regex=r"^[0-9]{10}(-[0-9]{3})?$"), name="invoice_profile_tax_code"
            ),
        ]
        triggers = [_NO_DELETE]


class Invoice(FacilityModel):
    """One document: an invoice, or the adjustment or replacement of one (điều chỉnh, thay thế).

    `amount` is what it says, đồng: of an adjustment the difference, of a replacement the whole. `key` tells the
    provider that two requests are the same. `number` is the provider's. `root` is the first document of a chain,
    `corrects` the one that this names.
    """

    class Kind(models.TextChoices):
        SINGLE = "single", "Theo yêu cầu"
        AGGREGATE = "aggregate", "Tổng hợp cuối ngày"

    class Relation(models.TextChoices):
        ORIGINAL = "original", "Hóa đơn"
        ADJUSTMENT = "adjustment", "Điều chỉnh"
        REPLACEMENT = "replacement", "Thay thế"

    class State(models.TextChoices):
        WAITING = "waiting", "Chờ phát hành"
        ISSUED = "issued", "Đã phát hành"
        REJECTED = "rejected", "Bị từ chối"
        NOTHING = "nothing", "Không phát sinh"

    class Payment(models.TextChoices):
        CASH = "cash", "TM"
        TRANSFER = "transfer", "CK"
        CARD = "card", "Thẻ"
        MIXED = "mixed", "TM/CK"

    profile = models.ForeignKey(InvoiceProfile, on_delete=models.PROTECT, related_name="invoices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    relation = models.CharField(max_length=12, choices=Relation.choices, default=Relation.ORIGINAL)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    day = models.DateField("ngày hóa đơn")
    visit = models.ForeignKey(
        "patients.Visit", null=True, blank=True, on_delete=models.PROTECT, related_name="invoices"
    )
    root = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections")
    corrects = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrected_by")
    reason = models.CharField("lý do", max_length=500, blank=True)
    buyer_name = models.CharField("người mua", max_length=255)
    buyer_company = models.CharField("đơn vị", max_length=255, blank=True)
    buyer_tax_code = models.CharField("mã số thuế", max_length=14, blank=True)
    buyer_citizen_id = models.CharField("số định danh", max_length=12, blank=True)
    buyer_address = models.CharField("địa chỉ", max_length=500, blank=True)
    buyer_email = models.CharField("email", max_length=255, blank=True)
    payment = models.CharField(max_length=10, choices=Payment.choices)
    amount = models.DecimalField(**MONEY)
    key = models.UUIDField(unique=True)
    number = models.CharField("số hóa đơn", max_length=20, blank=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    authority_code = models.CharField("mã của cơ quan thuế", max_length=40, blank=True)
    lookup_code = models.CharField("mã tra cứu", max_length=40, blank=True)
    lookup_url = models.CharField(max_length=255, blank=True)
    document = models.TextField("XML", blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(relation="original", root__isnull=True, corrects__isnull=True)
                | ~Q(relation="original") & Q(root__isnull=False, corrects__isnull=False) & ~Q(reason=""),
                name="invoice_correction_names_invoice",
            ),
            models.CheckConstraint(
                condition=Q(relation="adjustment") | Q(amount__gte=0), name="invoice_amount_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(state="issued", issued_at__isnull=False) & ~Q(number="")
                | ~Q(state="issued") & Q(number="", issued_at__isnull=True),
                name="invoice_number_when_issued",
            ),
            models.CheckConstraint(
                condition=~Q(state="nothing") | Q(amount=0, relation="original"), name="invoice_nothing_is_zero"
            ),
            models.UniqueConstraint(
                fields=["corrects"], condition=Q(relation="replacement"), name="invoice_replaced_once"
            ),
            models.UniqueConstraint(fields=["profile", "number"], condition=~Q(number=""), name="invoice_number_once"),
        ]
        indexes = [
            models.Index(fields=["facility", "day"], name="invoice_day"),
            models.Index(fields=["facility", "state"], name="invoice_state"),
        ]
        triggers = [
            _NO_DELETE,
            pgtrigger.FSM(
                name="states",
                field="state",
                transitions=[("waiting", "issued"), ("waiting", "rejected"), ("rejected", "waiting")],
            ),
            pgtrigger.Protect(
                name="issued_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__in=["issued", "nothing"]),
            ),
            pgtrigger.Protect(
                name="money_is_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__amount__df=pgtrigger.F("new__amount"))
                | pgtrigger.Q(old__key__df=pgtrigger.F("new__key"))
                | pgtrigger.Q(old__corrects__df=pgtrigger.F("new__corrects")),
            ),
        ]

    @property
    def title(self) -> str:
        """As people name it: symbol and number, or that it has none yet."""
        return f"{self.profile.symbol} số {self.number}" if self.number else f"chờ số (#{self.pk})"


class InvoiceLine(FacilityModel):
    """One line of a document; amounts before VAT, đồng. `vat_code` KCT: not subject to VAT."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=500)
    unit = models.CharField(max_length=50, blank=True)
    quantity = models.DecimalField(max_digits=14, decimal_places=3)
    price = models.DecimalField(**PRICE)
    amount = models.DecimalField(**MONEY)
    vat_code = models.CharField(max_length=5)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_once")]
        triggers = [_APPEND_ONLY]


class InvoiceEntry(FacilityModel):
    """A cash entry in a document, each in exactly one; `amount` is what it adds to the paid sum, đồng with its sign."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="entries")
    entry = models.OneToOneField("insurance.CashEntry", on_delete=models.PROTECT, related_name="invoiced")
    amount = models.DecimalField(**MONEY)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="invoice_entry_has_amount")]
        triggers = [_APPEND_ONLY]


class InvoiceNotice(FacilityModel):
    """A notice of error to the tax office (thông báo sai sót 04/SS-HĐĐT): only a name or address is wrong."""

    class State(models.TextChoices):
        WAITING = "waiting", "Chờ gửi"
        SENT = "sent", "Đã gửi"

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="notices")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.CharField("lý do", max_length=500)
    right_text = models.CharField("nội dung đúng", max_length=500)
    key = models.UUIDField(unique=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | Q(state="waiting", sent_at__isnull=True),
                name="invoice_notice_sent",
            )
        ]
        triggers = [
            _NO_DELETE,
            pgtrigger.Protect(
                name="sent_is_frozen", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state="sent")
            ),
        ]
