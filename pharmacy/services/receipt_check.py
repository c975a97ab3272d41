"""Is this receipt a slip of the unit? Ten times the last price or quantity of a drug is asked about first."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from his.ui.text import decimal_text, money_text
from pharmacy.queries import LastReceipt

FACTOR = 10


@dataclass(frozen=True, slots=True)
class Unusual:
    """A line that needs the pharmacist's second look: its position from 0, the field, and the text."""

    position: int
    field: str
    message_vi: str


def unusual(
    *, position: int, quantity: Decimal, unit_cost: Decimal, list_price: Decimal, last: LastReceipt | None
) -> list[Unusual]:
    """Compare a line with the last receipt of the drug, or with its list price when there is none or it cost nothing
    (đồng a unit). `quantity` is what the paper brings of the drug in all its lots.

    A price ten times up or down, or a quantity ten times up, is unusual: boxes typed for tablets, or the reverse.
    A small top-up is not.
    """
    is_bought = last is not None and last.unit_cost > 0
    known = last.unit_cost if last is not None and is_bought else list_price
    found = []
    if known > 0 and unit_cost > 0 and (unit_cost >= known * FACTOR or unit_cost * FACTOR <= known):
        origin = "lần nhập trước" if is_bought else "giá danh mục"
        found.append(
            Unusual(
                position,
                "unit_cost",
                f"Đơn giá {money_text(unit_cost)} đ lệch từ 10 lần so với {origin} ({money_text(known)} đ)",
            )
        )
    if last and quantity >= last.quantity * FACTOR:
        text = f"Số lượng {decimal_text(quantity)} gấp từ 10 lần lần nhập trước ({decimal_text(last.quantity)})"
        found.append(Unusual(position, "quantity", text))
    return found


def texts(warnings: list[Unusual], names: Mapping[int, str]) -> str:
    """All warnings as one sentence, each with the name of its drug."""
    return "; ".join(f"{names[warning.position]}: {warning.message_vi}" for warning in warnings)
