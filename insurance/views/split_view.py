"""The split as the cashier reads it: the stored one after closing, what closing would give before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from his.core.errors import Refusal
from his.core.money import ZERO
from insurance.benefits.engine import split_reason
from insurance.billing.charges import find_sources
from insurance.billing.closing import preview
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
    """The whole table. `payable` is what the patient pays after waivers, in whole đồng; `problem` says why no split can
    be shown.

    `seen` is the fingerprint of a split that is not stored yet, `difference` what was changed since the last closing.
    """

    rows: tuple[Row, ...] = ()
    hospital: Decimal = ZERO
    insured: Decimal = ZERO
    fund: Decimal = ZERO
    copay: Decimal = ZERO
    self_paid: Decimal = ZERO
    other: Decimal = ZERO
    waived: Decimal = ZERO
    payable: Decimal = ZERO
    entitlement_code: str = ""
    steps: tuple[Mapping[str, Any], ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    problem: Refusal | None = None
    shared_reasons: tuple[Reason, ...] = ()
    is_mixed: bool = False
    """Some lines are outside the scope of the fund: the shared reasons are those of the others."""
    seen: str = ""
    difference: Difference | None = None
    sources: tuple[Source, ...] = ()
    """What an open visit would be charged."""


def shown_split(visit: Visit) -> Shown:
    """The stored split of a closed visit; before that the one that closing now would store."""
    result = current_result(visit)
    return _said_once(stored(result) if result is not None else expected(visit))


def _said_once(shown: Shown) -> Shown:
    """Move the reasons that every line has from the lines to below the table; of a mixed visit, those of all lines
    that the fund pays for."""
    paid = [row for row in shown.rows if row.insured] or list(shown.rows)
    if len(paid) < 2:
        return replace(shown, rows=tuple(replace(row, own_reasons=row.reasons) for row in shown.rows))
    shared = tuple(r for r in paid[0].reasons if all(r in row.reasons for row in paid))
    rows = tuple(
        replace(row, own_reasons=tuple(r for r in row.reasons if r not in shared or row not in paid))
        for row in shown.rows
    )
    return replace(shown, rows=rows, shared_reasons=shared, is_mixed=len(paid) < len(rows))


def stored(result: BenefitResult) -> Shown:
    """What was stored at closing; nothing is computed again."""
    return _shown(result, lines_of(result))


def expected(visit: Visit) -> Shown:
    """What closing now would store, as far as everything has a price."""
    sources, lacking = find_sources(visit)
    missing = tuple((row.name, row.refusal.message_vi) for row in lacking)
    if not sources:
        return Shown(missing=missing)
    try:
        result, lines = preview(visit, sources)
    except Refusal as refusal:
        return Shown(missing=missing, problem=refusal, sources=tuple(sources))
    return replace(_shown(result, lines), missing=missing, seen=fingerprint(lines), sources=tuple(sources))


def _shown(result: BenefitResult, lines: Sequence[BenefitLine]) -> Shown:
    return Shown(
        tuple(map(_row, lines)),
        hospital=result.total_hospital_amount,
        insured=result.total_insured_amount,
        fund=result.fund_amount,
        copay=result.copay_amount,
        self_paid=result.self_paid_amount,
        other=result.other_amount,
        waived=result.waived_amount,
        payable=payable_amount(result),
        entitlement_code=result.entitlement_code,
        steps=tuple(result.explanation),
        difference=difference(result.visit, lines),
    )


def _row(line: BenefitLine) -> Row:
    return Row(
        line.charge,
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
