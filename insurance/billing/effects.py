"""What each kind of cash entry does, in one place: to the drawer, to what was paid, to the deposit that is held.

A deposit is no payment: it lies in an account of its own (TT 24/2024/TT-BTC, a liability until it is used) and
becomes one by a use. Every sum of the ledger is made with these signs, in Python or in SQL.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, Sum, Value, When
from django.db.models.functions import Coalesce

from his.core.money import ZERO
from insurance.models import CashEntry

Kind = CashEntry.Kind


@dataclass(frozen=True, slots=True)
class Effect:
    """Signs of an entry's amount: money into the drawer (or account), towards the bill, into the deposit."""

    cash: int
    paid: int
    held: int
    prefix: str
    """Begins the number: each kind of paper has its own series, a new one every year."""


EFFECTS: dict[str, Effect] = {
    Kind.RECEIPT: Effect(+1, +1, 0, "PT"),
    Kind.REFUND: Effect(-1, -1, 0, "PH"),
    Kind.RECEIPT_VOID: Effect(-1, -1, 0, "HT"),
    Kind.DEPOSIT: Effect(+1, 0, +1, "TU"),
    Kind.DEPOSIT_USE: Effect(0, +1, -1, "BU"),
    Kind.DEPOSIT_RELEASE: Effect(0, -1, +1, "TB"),
    Kind.DEPOSIT_RETURN: Effect(-1, 0, -1, "HU"),
    Kind.DEPOSIT_VOID: Effect(-1, 0, -1, "HD"),
}

VOIDS: dict[str, str] = {Kind.RECEIPT: Kind.RECEIPT_VOID, Kind.DEPOSIT: Kind.DEPOSIT_VOID}
"""What undoes a paper on the spot."""
GIVES_BACK: dict[str, str] = {
    Kind.RECEIPT: Kind.REFUND,
    Kind.DEPOSIT: Kind.DEPOSIT_RETURN,
    Kind.DEPOSIT_USE: Kind.DEPOSIT_RELEASE,
}
"""What takes back a part of an entry; the money of a released use then leaves with the return of its deposit."""
PAYS = frozenset(kind for kind, effect in EFFECTS.items() if effect.paid)


def cash_of(entry: CashEntry) -> Decimal:
    """What the entry brought into the drawer, or into the account; below zero when it went out."""
    return EFFECTS[entry.kind].cash * entry.amount


def paid_of(entry: CashEntry) -> Decimal:
    """What the entry added to the paid sum of its visit."""
    return EFFECTS[entry.kind].paid * entry.amount


def held_of(entry: CashEntry) -> Decimal:
    """What the entry added to the deposit held for its visit."""
    return EFFECTS[entry.kind].held * entry.amount


def sum_of(name: str) -> Coalesce:
    """The SQL sum of `cash`, `paid` or `held` over entries, zero without any."""
    return Coalesce(Sum(signed(name)), Value(ZERO))


def signed(name: str) -> Case:
    """The amount of an entry with its sign in `cash`, `paid` or `held`, in SQL."""
    whens: list[Any] = []
    for sign, value in ((1, F("amount")), (-1, -F("amount"))):
        kinds = [kind for kind, effect in EFFECTS.items() if getattr(effect, name) == sign]
        whens.append(When(kind__in=kinds, then=value))
    return Case(*whens, default=Value(ZERO))
