"""The parts that every paper of the stores is made of: columns, rows, sums, signers. All texts; nothing is computed but
sums of what is shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from his.core.dates import local
from his.core.money import round0
from his.core.words import amount_in_words
from his.ui.text import day_text, decimal_text
from pharmacy.models import Lot
from pharmacy.naming import drug_text
from pharmacy.printing.forms import form_on

LONG = 150
"""A paper of more rows is printed in a process apart."""

LEFT, CENTER, RIGHT = "left", "center", "right"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, its width in mm (0: what is left, shared), its side, and the head above several of them."""

    label: str
    width: int = 0
    align: str = LEFT
    group: str = ""


NO = Column("STT", 8, CENTER)
CODE = Column("Mã", 17)
NAME = Column("Tên thuốc, nồng độ, hàm lượng")
UNIT = Column("ĐVT", 12, CENTER)
LOT = Column("Số lô", 18)
EXPIRY = Column("Hạn dùng", 18, CENTER)
COUNTRY = Column("Nước SX", 16)
PRICE = Column("Đơn giá", 17, RIGHT)
QUANTITY = Column("Số lượng", 16, RIGHT)
AMOUNT = Column("Thành tiền", 22, RIGHT)
NOTE = Column("Ghi chú", 20)


def sheet(paper: str, at: datetime, **parts: Any) -> dict[str, Any]:
    """One sheet as the template reads it: the form in force on the day, and the given parts.

    Parts: `number`, `facts` (label and value, shown when there is a value), `columns`, `rows`, `sums` (rows at the
    end), `words`, `remarks`, `board`, `signers` (role and printed name), `subtitle`, `void`, `is_wide` (A4 across).
    """
    wall = local(at)
    form = form_on(paper, wall.date())
    columns: Sequence[Column] = parts.pop("columns")
    return {
        "title": form.title_vi,
        "form_no": form.number,
        "circular": form.circular,
        "day": f"Ngày {wall:%d} tháng {wall:%m} năm {wall:%Y}",
        "subtitle": "",
        "words": "",
        "void": "",
        "sums": [],
        "remarks": [],
        "board": [],
        "is_wide": False,
        "columns": [
            {"label": one.label, "width": one.width, "align": one.align, "group": one.group} for one in columns
        ],
        **parts,
    }


def qty(value: Decimal | None) -> str:
    """A quantity, or nothing."""
    return "" if value is None else decimal_text(value)


def lot_cells(lot: Lot) -> dict[str, str]:
    """What papers say of a lot."""
    drug = lot.drug
    return {
        "code": drug.code,
        "name": drug_text(drug),
        "unit": drug.unit,
        "lot": lot.number,
        "expiry": day_text(lot.expires_on),
        "country": drug.country,
        "price": decimal_text(lot.unit_cost),
    }


def summed(total: Decimal) -> str:
    """An amount in words, whole đồng."""
    return amount_in_words(round0(total))


def total_row(columns: Sequence[Column], cells: dict[int, str], label: str) -> list[str]:
    """A row of sums: the label in the widest column, amounts where they belong."""
    row = [""] * len(columns)
    row[next(at for at, column in enumerate(columns) if not column.width)] = label
    for at, text in cells.items():
        row[at] = text
    return row


def named(roles: Iterable[str], names: dict[str, str] | None = None) -> list[list[str]]:
    """Signers: role and the printed name, when it is known."""
    known = names or {}
    return [[role, known.get(role, "")] for role in roles]
