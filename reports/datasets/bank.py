"""The reconciliation of transfers (R10) as a data set: lines of the bank with their papers, papers without a line."""

from his.core.dates import local
from his.core.money import ZERO
from reports.bank.queries import BankRow, bank_rows
from reports.datasets.base import Dataset, Explained, Query, Row
from reports.datasets.cash import explain_account

ONLY_PAPER = "paper"


def bank_list(query: Query) -> Dataset:
    """By day the lines of the bank; then what only the product knows. Both kinds of unmatched rows are flagged."""
    found = Dataset()
    titles: dict[str, str] = {}
    for row in bank_rows(query.facility, query.period):
        section = f"{row.line.day:%Y-%m-%d}" if row.line else ONLY_PAPER
        titles[section] = f"Ngày {row.line.day:%d/%m/%Y}" if row.line else "Phiếu thu chưa thấy trong sao kê"
        ref = row.line.reference if row.line else row.entry.number if row.entry else ""
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
    rows = bank_rows(query.facility, query.period)
    row = next((one for one in rows if one.line and one.line.reference == ref), None)
    number = row.entry.number if row and row.entry else ref
    return explain_account(query, number)
