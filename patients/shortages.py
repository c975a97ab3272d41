"""What the pharmacy could not keep for a prescription that was signed."""

from dataclasses import dataclass
from decimal import Decimal

from his.ui.text import decimal_text


@dataclass(frozen=True, slots=True)
class NotReserved:
    """A drug of the prescription of which the dispensing store has only `left` of what is `wanted`, in its unit."""

    name: str
    unit: str
    wanted: Decimal
    left: Decimal

    def text(self) -> str:
        """One line for the doctor."""
        left = f"chỉ còn {decimal_text(self.left)}" if self.left else "đã hết"
        return f"{self.name}: cần {decimal_text(self.wanted)} {self.unit}, kho cấp phát {left}"
