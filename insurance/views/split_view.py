"""The split as the cashier reads it: the stored one after closing, what closing would give before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from his.core.errors import Refusal
from his.core.money import ZERO, round0
from insurance.benefits.engine import LineSplit, split_reason
from insurance.billing.charges import find_sources
from insurance.billing.closing import preview_split
from insurance.billing.difference import Difference, difference, fingerprint
from insurance.billing.ledger import payable_amount
from insurance.billing.origins import Source
from insurance.billing.queries import current_result, lines_of
from insurance.models import BenefitLine, BenefitResult, Charge
from patients.models import Visit


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a line is paid as it is, and the law behind it (empty where none was kept)."""

    text: str
    law: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what it is, what it costs, who pays, and why. Amounts in đồng, percents as 80."""

    charge: Charge
    service_rate: Decimal
    payment_rate: Decimal
    percent: Decimal
    hospital: Decimal
    insured: Decimal
    fund: Decimal
    copay: Decimal
    self_paid: Decimal
    other: Decimal
    reasons: tuple[Reason, ...]
    own_reasons: tuple[Reason, ...] = ()
    """Reasons that not every line has."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The whole table. `payable` is what the patient pays in whole đồng; `problem` says why no split can be shown.

    `seen` is the fingerprint of a split that is not stored yet, `difference` what was changed since the last closing.
    """

    rows: tuple[Row, ...] = ()
    hospital: Decimal = ZERO
    insured: Decimal = ZERO
    fund: Decimal = ZERO
    copay: Decimal = ZERO
    self_paid: Decimal = ZERO
    other: Decimal = ZERO
    payable: Decimal = ZERO
    entitlement_code: str = ""
    steps: tuple[Mapping[str, Any], ...] = ()
    is_stored: bool = False
    missing: tuple[tuple[str, str], ...] = ()
    problem: Refusal | None = None
    shared_reasons: tuple[Reason, ...] = ()
    seen: str = ""
    difference: Difference | None = None
    sources: tuple[Source, ...] = ()
    """What an open visit would be charged."""


def shown_split(visit: Visit) -> Shown:
    """The stored split of a closed visit; before that the one that closing now would store."""
    result = current_result(visit)
    return _said_once(stored(result) if result is not None else expected(visit))


def _said_once(shown: Shown) -> Shown:
    """Move the reasons that every line has from the lines to below the table."""
    if len(shown.rows) < 2:
        return replace(shown, rows=tuple(replace(row, own_reasons=row.reasons) for row in shown.rows))
    shared = tuple(r for r in shown.rows[0].reasons if all(r in row.reasons for row in shown.rows))
    rows = tuple(replace(row, own_reasons=tuple(r for r in row.reasons if r not in shared)) for row in shown.rows)
    return replace(shown, rows=rows, shared_reasons=shared)


def stored(result: BenefitResult) -> Shown:
    """What was stored at closing; nothing is computed again."""
    lines = lines_of(result)
    rows = tuple(_row(line.charge, line) for line in lines)
    return Shown(
        rows,
        result.total_hospital_amount,
        result.total_insured_amount,
        result.fund_amount,
        result.copay_amount,
        result.self_paid_amount,
        result.other_amount,
        payable_amount(result),
        result.entitlement_code,
        tuple(result.explanation),
        is_stored=True,
        difference=difference(result.visit, [(line.charge, line) for line in lines]),
    )


def expected(visit: Visit) -> Shown:
    """What closing now would store, as far as everything has a price."""
    sources, lacking = find_sources(visit)
    missing = tuple((row.name, row.refusal.message_vi) for row in lacking)
    if not sources:
        return Shown(missing=missing)
    try:
        charges, answer = preview_split(visit, sources)
    except Refusal as refusal:
        return Shown(missing=missing, problem=refusal, sources=tuple(sources))
    by_key = {line.key: line for line in answer.lines}
    charged = [(charge, by_key[str(charge.pk)]) for charge in charges]
    rows = tuple(_row(charge, line) for charge, line in charged)
    totals = answer.totals
    return Shown(
        rows,
        totals.hospital,
        totals.insured,
        totals.fund,
        totals.copay,
        totals.self_paid,
        totals.other,
        round0(totals.copay + totals.self_paid),
        answer.entitlement_code,
        tuple({"stage": step.stage, "text_vi": step.text_vi, "law": step.law} for step in answer.explanation),
        missing=missing,
        seen=fingerprint(charged),
        difference=difference(visit, charged),
        sources=tuple(sources),
    )


def _row(charge: Charge, line: BenefitLine | LineSplit) -> Row:
    return Row(
        charge,
        line.service_rate,
        line.payment_rate,
        line.benefit_percent,
        line.hospital_amount,
        line.insured_amount,
        line.fund_amount,
        line.copay_amount,
        line.self_paid_amount,
        line.other_amount,
        tuple(Reason(*split_reason(reason)) for reason in line.reasons),
    )
