"""The money of one visit as the cashier's desk shows it: account, entries with what can be done to each, forms."""

from typing import Any
from uuid import uuid4

from django.utils import timezone

from his.accounts.actor import Actor
from his.core.dates import local
from insurance.billing.approvals import open_requests
from insurance.billing.effects import EFFECTS, VOIDS
from insurance.billing.ledger import account_of, entries_of
from insurance.forms import CollectForm
from insurance.forms_cash import DepositForm, VoidForm
from insurance.models import CashEntry, CashSession, InvoiceEntry
from patients.models import Visit

Kind = CashEntry.Kind


def money_context(visit: Visit, actor: Actor, page: dict[str, Any], *, is_open: bool) -> dict[str, Any]:
    """What is due and held, the entries, and the forms to collect or, unfolded with `is_open`, to take a deposit."""
    account, entries, may = account_of(visit), entries_of(visit), page["may"]
    due, balance = account.due, page["split"].payable - account.paid - account.held
    for entry in entries:
        _offer(entry, actor, page["session"], may)
    if entries:
        _look_up(entries, visit)
    papers = [e for e in entries if EFFECTS[e.kind].cash and e.kind not in VOIDS.values() and e.void is None]  # type: ignore[attr-defined]
    may_deposit = may["collect"] and visit.state in {Visit.State.OPEN, Visit.State.IN_EXAM, Visit.State.EXAMINED}
    key = {"idempotency_key": uuid4().hex}
    return {
        "account": account,
        "entries": entries,
        "last_receipt": next((e for e in reversed(papers) if e.kind == Kind.RECEIPT), None),
        "last_paper": papers[-1] if papers else None,
        "give_first": _give_first(entries) if due < 0 and not account.to_use else None,
        "paid": account.paid,
        "due": due,
        "to_return": -due,
        "balance": balance,
        "surplus": -balance,
        "collect_form": CollectForm(initial={"amount": due, "method": "cash", **key}),
        "deposit_form": DepositForm(initial={"method": "cash", **key}),
        "void_form": VoidForm(),
        "money_key": uuid4().hex,
        "may_deposit": may_deposit,
        "depositing": is_open and may_deposit,
    }


def _look_up(entries: list[Any], visit: Visit) -> None:
    """What else stands about the entries: a request to give back, and an invoice, after which nothing is voided."""
    requests = {row.entry_id: row for row in open_requests(visit.facility).filter(entry__visit=visit)}
    invoiced = set(InvoiceEntry.objects.filter(entry__visit=visit).values_list("entry_id", flat=True))
    for entry in entries:
        entry.waiting = requests.get(entry.pk)
        entry.can_void &= entry.pk not in invoiced


def _give_first(entries: list[CashEntry]) -> CashEntry | None:
    """What goes back first when too much is there: a deposit that is held, else the latest receipt."""
    rows: list[Any] = [entry for entry in entries if entry.left > 0]  # type: ignore[attr-defined]
    deposits, receipts = ([e for e in rows if e.kind == kind] for kind in (Kind.DEPOSIT, Kind.RECEIPT))
    return next(iter(deposits), None) or next(reversed(receipts), None)


def _offer(entry: CashEntry, actor: Actor, session: CashSession | None, may: dict[str, bool]) -> None:
    """What this cashier may do to the entry: give back, ask another for it, void it."""
    row: Any = entry
    row.can_refund = may["refund"] and row.left > 0 and entry.kind in {Kind.RECEIPT, Kind.DEPOSIT, Kind.DEPOSIT_USE}
    row.is_others = entry.kind == Kind.RECEIPT and entry.by_id != actor.user.pk
    today = local(entry.at).date() == timezone.localdate()
    mine = session is not None and entry.session_id == session.pk and entry.by_id == actor.user.pk
    row.can_void = may["void"] and mine and today and entry.kind in VOIDS and row.left == entry.amount
    row.is_out = EFFECTS[entry.kind].cash < 0
    row.is_move = not EFFECTS[entry.kind].cash
