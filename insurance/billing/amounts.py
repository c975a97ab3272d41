"""What is typed at the cashier's desk, checked: whole amounts of đồng and reasons."""

from decimal import Decimal

from his.core.errors import Refusal
from his.core.money import round0
from his.core.text import fitting, nfc

AMOUNT_MAX = Decimal(10) ** 12
"""More than any drawer holds: a slip of the hand, not an amount."""


def require_whole(amount: Decimal) -> None:
    """Refuse, beside the field, an amount that is not whole đồng above zero."""
    if not amount.is_finite() or amount <= 0:
        raise Refusal("not_positive", "Số tiền phải lớn hơn 0", field="amount")
    if amount > AMOUNT_MAX:
        raise Refusal("too_much", "Số tiền quá lớn, hãy kiểm tra lại", field="amount")
    if amount != round0(amount):
        raise Refusal("not_whole", "Số tiền phải chẵn đồng", field="amount")


def reason_of(text: str, missing: str) -> str:
    """A reason as it is kept; refuses none, and one that is too long."""
    reason = fitting(nfc(text), 500, "reason")
    if not reason:
        raise Refusal("reason_missing", missing, field="reason")
    return reason
