"""The third program for stock: it follows every unit of every lot from the tables of the ledger to the spreadsheet of
import-export-stock, the printed bin cards, and the drug lines of the exported claims, and names what does not agree.

It shares no code with the product and imports none of it. Figures are in units of the drug.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

Lot = tuple[str, str, str]
"""Code of the drug, number of the lot, expiry as dd/mm/yyyy."""
Named = tuple[str, str]
"""A drug as a claim names it: code of the ingredient (MA_THUOC) and registration number."""
Claims = Mapping[str, Mapping[str, Iterable[Mapping[str, str]]]]
"""The tables of each claim file by claim code."""
Card = Sequence[Sequence[str]]
"""Rows of a bin card as printed, the opening balance first."""
_CAME = {"opening", "receipt", "patient_return", "count_up"}
_BETWEEN = {"transfer_in", "transfer_out"}
_MOVED = """
SELECT d.code, l.number, to_char(l.expires_on, 'DD/MM/YYYY'), s.code, m.kind, m.quantity, o.number,
       (m.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date < %s::date
FROM pharmacy_stockmovement m JOIN pharmacy_lot l ON l.id = m.lot_id JOIN his_drug d ON d.id = l.drug_id
JOIN pharmacy_store s ON s.id = m.store_id JOIN his_facility f ON f.id = m.facility_id
JOIN pharmacy_stockdocumentline n ON n.id = m.line_id JOIN pharmacy_stockdocument o ON o.id = n.document_id
WHERE f.code = %s AND (m.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date < %s::date
ORDER BY m.at, m.id
"""
_GIVEN = """
SELECT v.claim_code, d.code, d.ingredient_code, d.registration_no, sum(-m.quantity)
FROM pharmacy_stockmovement m JOIN pharmacy_lot l ON l.id = m.lot_id JOIN his_drug d ON d.id = l.drug_id
JOIN his_facility f ON f.id = m.facility_id
JOIN pharmacy_stockdocumentline n ON n.id = m.line_id JOIN pharmacy_stockdocument o ON o.id = n.document_id
JOIN pharmacy_stockdocument first ON first.id = coalesce(o.reverses_id, o.id)
JOIN pharmacy_dispense g ON g.document_id = first.id OR g.document_id = first.origin_id
JOIN patients_prescription p ON p.id = g.prescription_id JOIN patients_visit v ON v.id = p.visit_id
WHERE f.code = %s AND m.kind IN ('dispense', 'patient_return')
  AND (m.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date >= %s::date
  AND (m.at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date < %s::date
GROUP BY 1, 2, 3, 4
"""


class Ledger:
    """The movements of a facility before the day `after`, read by itself."""

    def __init__(self, cursor: Any, facility: str, first: str, after: str) -> None:
        cursor.execute(_MOVED, [first, facility, after])
        self.rows: list[tuple[str, str, str, str, str, Decimal, str, bool]] = cursor.fetchall()
        cursor.execute(_GIVEN, [facility, first, after])
        self.given: dict[tuple[str, Named], Decimal] = defaultdict(Decimal)
        for visit, _, ingredient, registration, quantity in cursor.fetchall():
            self.given[visit, (ingredient, registration)] += quantity
        cursor.execute("SELECT code, ingredient_code, registration_no FROM his_drug")
        self.named: dict[str, Named] = {code: (one, two) for code, one, two in cursor.fetchall()}

    def flow(self, store: str = "") -> dict[Lot, dict[str, Decimal]]:
        """What each lot had, got and gave, of one store or of the facility, where it had some or moved."""
        found: dict[Lot, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        moved = set()
        for code, number, expiry, where, kind, quantity, _, is_before in self.rows:
            if store and where != store:
                continue
            one, key = found[code, number, expiry], (code, number, expiry)
            one["DAU_SL"] += quantity if is_before else 0
            one["CUOI_SL"] += quantity
            if is_before:
                continue
            moved.add(key)
            is_counted = bool(store) or kind not in _BETWEEN
            is_in = kind in _CAME or kind == "transfer_in"
            one["NHAP_SL"] += quantity if is_in and is_counted else 0
            one["XUAT_SL"] -= quantity if not is_in and is_counted else 0
            one["XUAT_CAP"] -= quantity if kind == "dispense" else 0
            one["NHAP_TRA"] += quantity if kind == "patient_return" else 0
        return {key: dict(one) for key, one in found.items() if key in moved or one["CUOI_SL"]}


def rows_of(path: Path) -> dict[Lot, dict[str, Decimal]]:
    """The figures of an import-export-stock spreadsheet."""
    head, *lines = load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
    tags = ("DAU_SL", "NHAP_SL", "XUAT_SL", "CUOI_SL", "XUAT_CAP", "NHAP_TRA")
    found: dict[Lot, dict[str, Decimal]] = {}
    for line in lines:
        row = dict(zip(head, line, strict=True))
        if row["MA"]:
            key = (str(row["MA"]), str(row["SO_LO"]), str(row["HAN_DUNG"]))
            assert key not in found, f"{key} stands twice"
            found[key] = {tag: Decimal(str(row[tag] or 0)) for tag in tags}
    return found


def against_ledger(path: Path, ledger: Ledger, store: str = "") -> list[str]:
    """What differs between a spreadsheet and the ledger, lot by lot."""
    shown, wanted, told = rows_of(path), ledger.flow(store), []
    for key in sorted({*shown, *wanted}):
        for tag in shown.get(key, {"row": 0}):
            here, there = shown.get(key, {}).get(tag), wanted.get(key, {}).get(tag)
            if here is None or (here or 0) != (there or 0):
                told.append(f"NXT {store} {key} {tag}: {here} is {there}")
    return told


def against_cards(path: Path, cards: Mapping[str, Card], store: str, ledger: Ledger) -> list[str]:
    """What differs between a store's spreadsheet, its bin cards by drug code, and the documents of the ledger."""
    shown, told = rows_of(path), []
    for code in sorted({key[0] for key in shown} | set(cards)):
        opening, *lines = cards[code]
        mine = [(key, row) for key, row in shown.items() if key[0] == code]
        if number(opening[9]) != sum(row["DAU_SL"] for _, row in mine):
            told.append(f"card {store} {code}: opening {opening[9]}")
        left = number(opening[9])
        for line in lines:
            left += number(line[7]) - number(line[8])
            if number(line[9]) != left or left < 0:
                told.append(f"card {store} {code}: {line} leaves {left}")
        if left != sum(row["CUOI_SL"] for _, row in mine):
            told.append(f"card {store} {code}: closing {left}")
        for key, row in mine:
            change = sum(number(line[7]) - number(line[8]) for line in lines if (line[3], line[4]) == key[1:])
            if change != row["CUOI_SL"] - row["DAU_SL"]:
                told.append(f"card {store} {key}: {change} in all")
        papers = [(line[1] or line[2], number(line[7]) - number(line[8])) for line in lines]
        wanted = [(row[6], row[5]) for row in ledger.rows if (row[0], row[3], row[7]) == (code, store, False)]
        if papers != wanted:
            told.append(f"card {store} {code}: its papers are not those of the ledger")
    return told


def against_claims(path: Path, claims: Claims, ledger: Ledger) -> list[str]:
    """What differs between drug lines of claims, what each visit was given, and the facility's spreadsheet.

    What people without a claim were given is taken from the ledger: the spreadsheet holds both.
    """
    lines: dict[tuple[str, Named], Decimal] = defaultdict(Decimal)
    for claim, tables in claims.items():
        for line in tables.get("XML2", ()):
            lines[claim, (line["MA_THUOC"], line["SO_DANG_KY"])] += Decimal(line["SO_LUONG"])
    told = []
    for key in sorted({*lines, *(key for key in ledger.given if key[0] in claims)}):
        if lines.get(key, 0) != ledger.given.get(key, 0):
            told.append(f"claim {key}: {lines.get(key, 0)}, given {ledger.given.get(key, 0)}")
    in_all: dict[Named, Decimal] = defaultdict(Decimal)
    for (_, drug), quantity in lines.items():
        in_all[drug] += quantity
    for (visit, drug), quantity in ledger.given.items():
        in_all[drug] += quantity if visit not in claims else 0
    used: dict[Named, Decimal] = defaultdict(Decimal)
    for (code, _, _), row in rows_of(path).items():
        used[ledger.named[code]] += row["XUAT_CAP"] - row["NHAP_TRA"]
    told += [
        f"{drug}: claims and others {in_all.get(drug, 0)}, NXT {used.get(drug, 0)}"
        for drug in sorted({*in_all, *used})
        if in_all.get(drug, 0) != used.get(drug, 0)
    ]
    return told


def number(text: str) -> Decimal:
    """A number as Vietnamese papers print it: 1.250,5."""
    return Decimal(text.replace(".", "").replace(",", ".") or 0)
