"""The reconciliation of transfers (R10) as a data set: lines of the bank with their papers, papers without a line."""

from his.core.dates import local
from his.core.money import ZERO
from reports.bank.models import BankLine
from reports.bank.queries import BankRow, bank_rows, standing_matches
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.datasets.cash import explain_account

ONLY_PAPER = "paper"
OF_LINE = "#"
"""Between the reference of the bank and the line, where an earlier line of the period has the same reference."""


def bank_list(query: Query) -> Dataset:
    """By day the lines of the bank; then what only the product knows. Both kinds of unmatched rows are flagged."""
    found = Dataset()
    titles: dict[str, str] = {}
    seen: set[str] = set()
    for row in bank_rows(query.facility, query.period):
        section = f"{row.line.day:%Y-%m-%d}" if row.line else ONLY_PAPER
        titles[section] = f"Ngày {row.line.day:%d/%m/%Y}" if row.line else "Phiếu thu chưa thấy trong sao kê"
        ref = row.line.reference if row.line else row.entry.number if row.entry else ""
        if row.line and ref in seen:
            ref = f"{ref}{OF_LINE}{row.line.pk}"
        seen.add(ref)
        if row.line and row.entry and row.difference:
            found.flags["differs"].append(ref)
        if row.line is None or row.entry is None:
            found.flags["only_paper" if row.line is None else "only_bank"].append(ref)
        found.rows.append(Row(ref, None, _own(row), section))
    found.sections = sorted(titles.items(), key=lambda title: (title[0] == ONLY_PAPER, title[0]))
    return found


def _own(row: BankRow) -> dict[str, object]:
    line, entry = row.line, row.entry
    day = line.day if line else local(entry.at).date() if entry else None
    return {
        "day_text": f"{day:%d/%m/%Y}" if day else "",
        "reference": line.reference if line else entry.bank_reference if entry else "",
        "content": line.content if line else entry.visit.patient.full_name if entry else "",
        "bank_amount": line.amount if line else ZERO,
        "paper": entry.number if entry else "",
        "paper_amount": entry.amount if entry else ZERO,
        "difference": row.difference,
        "state": row.state_vi,
    }


def explain_bank_row(query: Query, ref: str) -> Explained:
    """The cash ledger of the visit of the paper of a row, by its number or the reference of the bank."""
    reference, _, pk = ref.rpartition(OF_LINE)
    lines = BankLine.objects.for_facility(query.facility)
    lines = lines.filter(day__gte=query.period.start, day__lte=query.period.end).order_by("day", "pk")
    line = lines.filter(reference=ref).first()
    if line is None and reference and pk.isdecimal():
        line = lines.filter(reference=reference, pk=pk[:18]).first()
    match = standing_matches(query.facility).filter(line=line).select_related("entry").first() if line else None
    return explain_account(query, match.entry.number if match else ref)
