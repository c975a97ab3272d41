"""What a facility sets for its cashiers, by period: when a refund needs a second person, the size of a book, and
the bank account for transfers. A new period ends the one before on the day before; nothing is forgotten."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.core.errors import Refusal
from his.core.money import round0
from his.core.text import fitting, fold, nfc
from his.service import audit_facts, service
from insurance.billing import vietqr
from insurance.billing.amounts import AMOUNT_MAX
from insurance.models import BankAccount, CashRules

BOOK_MAX = 100_000
_Dated = TypeVar("_Dated", CashRules, BankAccount)


def rules_on(facility: Facility, day: date) -> CashRules:
    """The rules in force on the day; what no row says has the defaults: no limit, books of 1 000 numbers."""
    found: CashRules | None = CashRules.objects.for_facility(facility).on(day).first()
    return found or CashRules(facility=facility, valid_from=day)


def bank_account_on(facility: Facility, day: date) -> BankAccount | None:
    """The account for transfers on the day."""
    found: BankAccount | None = BankAccount.objects.for_facility(facility).on(day).first()
    return found


@service(action="billing.set_cash_rules", permission="billing.settings")
def set_cash_rules(*, since: date, refund_limit: Decimal | None, book_size: int, actor: Actor) -> CashRules:
    """Rules from a day on (quy định thu ngân). `refund_limit` in whole đồng: refunds above it need a second person;
    None: only refunds of another cashier's receipt do. Refuses a day before the latest period and odd figures."""
    if refund_limit is not None and (
        not refund_limit.is_finite() or not 0 <= refund_limit <= AMOUNT_MAX or refund_limit != round0(refund_limit)
    ):
        raise Refusal("refund_limit", "Ngưỡng hoàn tiền phải chẵn đồng và không âm", field="refund_limit")
    if not 1 <= book_size <= BOOK_MAX:
        raise Refusal("book_size", "Mỗi quyển từ 1 đến 100.000 số", field="book_size")
    row = _period(CashRules, actor.facility, since)
    row.refund_limit, row.book_size = refund_limit, book_size
    row.save()
    audit_facts(since=since, refund_limit=refund_limit, book_size=book_size)
    return row


@service(action="billing.set_bank_account", permission="billing.settings")
def set_bank_account(
    *,
    since: date,
    bank_bin: str,
    number: str,
    holder: str,
    actor: Actor,
    bank_name: str = "",
    content_prefix: str = "VP",
) -> BankAccount:
    """The facility's own bank account from a day on (tài khoản nhận chuyển khoản).

    Refuses a BIN that has not six digits, a number that VietQR cannot carry, no holder, a prefix that is not 2 to 8
    capital letters or digits, and a day before the latest period.
    """
    values = _account_values(bank_bin, number, holder, bank_name, content_prefix)
    row = _period(BankAccount, actor.facility, since)
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    audit_facts(since=since, bank_bin=row.bank_bin, number=row.number)
    return row


def _account_values(bank_bin: str, number: str, holder: str, bank_name: str, prefix: str) -> dict[str, str]:
    bank_bin, number, prefix = bank_bin.strip(), number.replace(" ", ""), prefix.strip().upper()
    if not vietqr.BIN.fullmatch(bank_bin):
        raise Refusal("bin", "Mã BIN gồm 6 chữ số, theo danh mục của NAPAS", field="bank_bin")
    if not vietqr.ACCOUNT.fullmatch(number):
        raise Refusal("number", "Số tài khoản gồm 1 đến 19 chữ số hoặc chữ cái không dấu", field="number")
    holder = fitting(fold(nfc(holder)).upper(), 100, "holder")
    if not holder:
        raise Refusal("holder", "Hãy gõ tên tài khoản", field="holder")
    if not re.fullmatch(r"[A-Z0-9]{2,8}", prefix):
        raise Refusal("prefix", "Tiền tố gồm 2 đến 8 chữ cái không dấu hoặc chữ số", field="content_prefix")
    return {
        "bank_bin": bank_bin,
        "number": number,
        "holder": holder,
        "bank_name": fitting(nfc(bank_name), 100, "bank_name"),
        "prefix": prefix,
    }


def _period(model: type[_Dated], facility: Facility, since: date) -> Any:
    """The row that holds from the day: a new one, or the latest when it begins on that very day."""
    Facility.objects.select_for_update(no_key=True).get(pk=facility.pk)
    latest = model.objects.for_facility(facility).order_by("-valid_from").first()
    if latest is not None and since < latest.valid_from:
        text = f"Đã có quy định từ {latest.valid_from:%d/%m/%Y}; ngày mới không được trước ngày đó"
        raise Refusal("period", text, field="since")
    if latest is not None and since == latest.valid_from:
        return latest
    if latest is not None and (latest.valid_to is None or latest.valid_to >= since):
        latest.valid_to = since - timedelta(days=1)
        latest.save(update_fields=["valid_to"])
    return model(facility=facility, valid_from=since)
