"""The table of a group's facilities, by one of their figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from his.accounts.models import Facility
from his.core.money import ZERO
from his.ui.charts import Cell, counted, paid
from reports.overview.figures import Figures


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a facility; money is written as money."""

    code: str
    label: str
    is_money: bool = False

    def cell(self, value: Decimal | int | None) -> Cell:
        """The value as written."""
        return paid(value) if self.is_money and isinstance(value, Decimal) else counted(value)


COLUMNS: Final = (
    Column("visits", "Lượt khám"),
    Column("money", "Tiền thu, đ", is_money=True),
    Column("closed", "Đã chốt"),
    Column("clean", "Hồ sơ sạch"),
    Column("findings", "Hồ sơ có lỗi"),
    Column("waiting", "Chờ trung vị, phút"),
    Column("expiring", "Cận hạn, đ", is_money=True),
    Column("low", "Sắp hết"),
)


@dataclass(frozen=True, slots=True)
class FacilityRow:
    """One facility of a group: its figures, and how long the bar of the sorted one is, of 50."""

    facility: Facility
    cells: Sequence[tuple[str, Cell]]
    bar: int


def facility_rows(figures: Figures, sort: str) -> list[FacilityRow]:
    """The facilities by one figure, the highest first, or by code."""
    values = {facility.pk: _values(figures, facility.pk) for facility in figures.reach.facilities}
    most = max((found.get(sort) or 0 for found in values.values()), default=0)
    rows = [
        FacilityRow(
            facility,
            [(column.code, column.cell(values[facility.pk][column.code])) for column in COLUMNS],
            int(max(values[facility.pk].get(sort) or 0, 0) * 50 / most) if most else 0,
        )
        for facility in figures.reach.facilities
    ]
    return sorted(rows, key=lambda row: (-(values[row.facility.pk].get(sort) or 0), row.facility.code))


def _values(figures: Figures, pk: int) -> dict[str, Decimal | int | None]:
    steps, risk = figures.funnels.get(pk, {}), figures.risks.get(pk)
    waited = figures.waited_by_facility.get((pk,))
    return {
        "visits": figures.visits_of_month.get(pk, 0),
        "money": figures.money_of_month.get(pk, ZERO),
        **{code: steps.get(code, 0) for code in ("closed", "clean", "findings")},
        "waiting": waited.median if waited else None,
        "expiring": risk.expiring_value if risk else ZERO,
        "low": risk.low if risk else 0,
    }
