"""The cashier's ledger: entries, drawers, books of numbers, closed days, and what a facility sets for its desk."""

from typing import Any

import pgtrigger
from django.db import models
from django.db.models import F, Q

from his.core.models import DatedModel, FacilityModel, no_overlap, period_order
from insurance.models.billing import MONEY, BenefitResult
from insurance.models.cash_guards import ENTRY_GUARDS, frozen_once_closed

NO_DELETE = pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)
APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class CashRules(DatedModel, FacilityModel):
    """What the facility decides for its cashiers, for a period (quy định thu ngân).

    Refunds above `refund_limit` đồng need a second person; empty: none does. A book has `book_size` numbers.
    """

    refund_limit = models.DecimalField(**MONEY, null=True, blank=True)
    book_size = models.PositiveIntegerField(default=1000)

    class Meta:
        constraints = [
            no_overlap("cash_rules", "facility"),
            period_order("cash_rules"),
            models.CheckConstraint(
                condition=Q(refund_limit__isnull=True) | Q(refund_limit__gte=0), name="refund_limit_not_negative"
            ),
            models.CheckConstraint(condition=Q(book_size__gt=0), name="book_size_positive"),
        ]
        triggers = [NO_DELETE]


class BankAccount(DatedModel, FacilityModel):
    """The facility's own account, into which transfers go directly (NĐ 52/2024), for a period.

    `bank_bin` is the bank's six digits of the NAPAS list; `prefix` begins the content of every transfer.
    """

    bank_bin = models.CharField("mã BIN", max_length=6)
    number = models.CharField("số tài khoản", max_length=19)
    holder = models.CharField("tên tài khoản", max_length=100)
    bank_name = models.CharField("ngân hàng", max_length=100, blank=True)
    prefix = models.CharField("tiền tố nội dung", max_length=8, default="VP")

    class Meta:
        constraints = [no_overlap("bank_account", "facility"), period_order("bank_account")]
        triggers = [NO_DELETE]


class ReceiptBook(FacilityModel):
    """A book of numbers (quyển sổ): `series` is a kind of paper and a year (`PT26`), numbers `first` to `last`."""

    series = models.CharField(max_length=10)
    number = models.PositiveIntegerField("quyển số")
    first = models.PositiveIntegerField()
    last = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "series", "number"], name="receipt_book_number"),
            models.UniqueConstraint(fields=["facility", "series", "first"], name="receipt_book_first"),
            models.CheckConstraint(condition=Q(last__gte=F("first"), first__gt=0), name="receipt_book_order"),
        ]
        triggers = [APPEND_ONLY]


class CashSession(FacilityModel):
    """One cashier's drawer from opening to hand-over (ca thu tiền). At most one open for each cashier.

    What was counted goes whole to `received_by`, the treasurer or the next cashier, who counts it again.
    """

    cashier = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    opening_float = models.DecimalField(**MONEY)
    closed_at = models.DateTimeField(null=True, blank=True)
    counted_amount = models.DecimalField(**MONEY, null=True, blank=True)
    expected_amount = models.DecimalField(**MONEY, null=True, blank=True)
    denominations = models.JSONField(default=dict, blank=True)
    note = models.CharField(max_length=500, blank=True)
    received_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField(null=True, blank=True)
    received_amount = models.DecimalField(**MONEY, null=True, blank=True)
    received_note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["facility", "cashier"], condition=Q(closed_at__isnull=True), name="cash_session_open_once"
            ),
            models.CheckConstraint(
                condition=Q(received_at__isnull=True, received_by__isnull=True, received_amount__isnull=True)
                | Q(
                    closed_at__isnull=False,
                    received_at__gte=F("closed_at"),
                    received_by__isnull=False,
                    received_amount__gte=0,
                )
                & ~Q(received_by=F("cashier")),
                name="cash_session_received_by_another",
            ),
        ]
        indexes = [models.Index(fields=["facility", "opened_at"], name="cash_session_time")]
        triggers = [NO_DELETE, frozen_once_closed()]


class TransferOrder(FacilityModel):
    """An amount that was asked for by QR (phiếu chờ chuyển khoản): `code` is the content of the transfer, `payload`
    what the QR said.

    That it was shown proves nothing: only the entry that names it says that the money came.
    """

    class Purpose(models.TextChoices):
        RECEIPT = "receipt", "Thu viện phí"
        DEPOSIT = "deposit", "Tạm ứng"

    visit = models.ForeignKey("patients.Visit", on_delete=models.PROTECT, related_name="transfer_orders")
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    code = models.CharField(max_length=25)
    amount = models.DecimalField(**MONEY)
    payload = models.CharField("nội dung mã QR", max_length=512)
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "code"], name="transfer_order_code"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_order_positive"),
        ]
        indexes = [
            models.Index(fields=["visit"], name="transfer_order_visit"),
            models.Index(fields=["facility", "at"], name="transfer_order_time"),
        ]
        triggers = [APPEND_ONLY]


class RefundRequest(FacilityModel):
    """A refund that needs a second person (giấy đề nghị hoàn tiền): asked by the cashier, decided by another."""

    entry = models.ForeignKey("CashEntry", on_delete=models.PROTECT, related_name="refund_requests")
    amount = models.DecimalField(**MONEY)
    reason = models.CharField(max_length=500)
    asked_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    is_approved = models.BooleanField(null=True, blank=True)
    decided_by = models.ForeignKey("his.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry"], condition=Q(is_approved__isnull=True), name="refund_request_pending_once"
            ),
            models.CheckConstraint(
                condition=Q(is_approved__isnull=True, decided_by__isnull=True, decided_at__isnull=True)
                | Q(is_approved__isnull=False, decided_by__isnull=False, decided_at__isnull=False)
                & ~Q(decided_by=F("asked_by")),
                name="refund_decided_by_another",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_request_positive"),
        ]
        triggers = [
            NO_DELETE,
            pgtrigger.Protect(
                name="decided_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__is_approved__isnull=False),
            ),
        ]


class CashEntry(FacilityModel):
    """One entry of the cash ledger: append-only, numbered without gaps, positive; the kind gives the direction.

    `insurance.billing.effects` says what each kind does to the drawer, the paid sum and the deposit. A kind that
    undoes or uses another entry names it in `reverses`: a refund its receipt, a use its deposit, a release its use.
    """

    class Kind(models.TextChoices):
        RECEIPT = "receipt", "Phiếu thu"
        REFUND = "refund", "Phiếu hoàn tiền"
        RECEIPT_VOID = "receipt_void", "Hủy phiếu thu"
        DEPOSIT = "deposit", "Phiếu tạm ứng"
        DEPOSIT_USE = "deposit_use", "Bù tạm ứng"
        DEPOSIT_RELEASE = "deposit_release", "Thôi bù tạm ứng"
        DEPOSIT_RETURN = "deposit_return", "Phiếu hoàn tạm ứng"
        DEPOSIT_VOID = "deposit_void", "Hủy phiếu tạm ứng"

    class Method(models.TextChoices):
        CASH = "cash", "Tiền mặt"
        TRANSFER = "transfer", "Chuyển khoản"
        CARD = "card", "Thẻ"

    visit = models.ForeignKey("patients.Visit", on_delete=models.PROTECT, related_name="cash_entries")
    result = models.ForeignKey(
        BenefitResult, null=True, blank=True, on_delete=models.PROTECT, related_name="cash_entries"
    )
    session = models.ForeignKey(CashSession, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    method = models.CharField(max_length=10, choices=Method.choices, default=Method.CASH)
    number = models.CharField("số phiếu", max_length=30)
    amount = models.DecimalField(**MONEY)
    reverses = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="refunds")
    reason = models.CharField(max_length=500, blank=True)
    bank_reference = models.CharField("mã giao dịch ngân hàng", max_length=50, blank=True)
    transfer_order = models.ForeignKey(
        TransferOrder, null=True, blank=True, on_delete=models.PROTECT, related_name="entries"
    )
    request = models.OneToOneField(
        RefundRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="refund"
    )
    at = models.DateTimeField()
    by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "number"], name="cash_entry_number"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="cash_amount_positive"),
            models.CheckConstraint(
                condition=Q(kind__in=["receipt", "deposit"], reverses__isnull=True)
                | ~Q(kind__in=["receipt", "deposit"]) & Q(reverses__isnull=False),
                name="cash_entry_names_its_origin",
            ),
        ]
        indexes = [
            models.Index(fields=["visit"], name="cash_visit"),
            models.Index(fields=["facility", "at"], name="cash_time"),
            models.Index(
                fields=["facility", "bank_reference"], condition=~Q(bank_reference=""), name="cash_bank_reference"
            ),
        ]
        triggers = [APPEND_ONLY, *ENTRY_GUARDS]


class CashDay(FacilityModel):
    """A closed day of a facility (khóa ngày): no entry of its date can be made any more.

    `figures` is a list of `{kind, method, count, amount}`, amounts in đồng; `held_amount` are the deposits held at
    the end of the day, `cash_amount` what cash came in less what went out.
    """

    day = models.DateField()
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey("his.User", on_delete=models.PROTECT, related_name="+")
    figures: Any = models.JSONField(default=list)
    entry_count = models.PositiveIntegerField()
    cash_amount = models.DecimalField(**MONEY)
    received_amount = models.DecimalField(**MONEY)
    held_amount = models.DecimalField(**MONEY)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facility", "day"], name="cash_day_once"),
            models.CheckConstraint(condition=Q(held_amount__gte=0), name="cash_day_held_not_negative"),
        ]
        triggers = [APPEND_ONLY]
