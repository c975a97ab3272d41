"""The facility's catalogues as they are sent to the insurer (01/DM to 06/DM, TT 12/2026/TT-BTC): what the product has.

A change is two rows: the one that ended, and the one that began. So a catalogue has every row in force on some day of
the period. What the product does not know stays empty.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet

from his.accounts.models import Department, Staff
from his.catalogs.item_models import MEDICINES
from his.catalogs.models import Drug, ItemKind, PricedService
from patients.models import ServiceOrder
from reports.datasets.base import Dataset, Explained, Query, Row

_SECTION = ""


def catalog(query: Query) -> Dataset:
    """The rows of one catalogue by code and first day."""
    found = Dataset(sections=[(_SECTION, "")])
    for row in CATALOGS[query.keep["list"]](query):
        found.rows.append(Row(str(row.pk), None, _Cells(row, query), _SECTION))
    return found


class _Cells(dict[str, Any]):
    """What the columns ask of a row: `of PATH`, `day NAME`, `number NAME` (with a point), `facility`, `none`."""

    def __init__(self, row: object, query: Query) -> None:
        super().__init__()
        for source in query.sources:
            kind, _, path = source.partition(" ")
            self[source] = _READ[kind](row, path, query)


def _plain(row: Any, path: str, query: Query) -> str:
    for name in path.split("."):
        row = getattr(row, name, None)
    return ";".join(row) if isinstance(row, list) else "" if row is None else str(row)


def _day(row: Any, path: str, query: Query) -> str:
    value: date | None = getattr(row, path)
    return "" if value is None else f"{value:%Y%m%d}"


def _number(row: Any, path: str, query: Query) -> str:
    value = getattr(row, path)
    return "" if value is None else f"{value.normalize():f}"


def _facility(row: Any, path: str, query: Query) -> str:
    return query.facility.code


def _nothing(row: Any, path: str, query: Query) -> str:
    return ""


_READ: dict[str, Callable[[Any, str, Query], Any]] = {
    "number": lambda row, path, query: _number(row, path, query) if path else "",
    "of": _plain,
    "day": _day,
    "facility": _facility,
    "none": _nothing,
}


def _dated(model: Any) -> Callable[[Query], QuerySet[Any]]:
    def rows(query: Query) -> QuerySet[Any]:
        period = query.period
        found = model.objects.for_facility(query.facility).filter(valid_from__lte=period.end)
        found = found.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=period.start))
        return found.order_by("code", "valid_from")

    return rows


def _departments(query: Query) -> QuerySet[Department]:
    return Department.objects.for_facility(query.facility).filter(is_active=True).order_by("code")


def _staff(query: Query) -> QuerySet[Staff]:
    return _dated(Staff)(query).select_related("department")


@dataclass(frozen=True, slots=True)
class Device:
    """A machine of which nothing is known but its code (MA_MAY), which is also its reference."""

    code: str

    @property
    def pk(self) -> str:
        return self.code


def _devices(query: Query) -> list[Device]:
    """Machines that the price list names in the period, or that a service was performed with in it."""
    start, end = query.period.instants()
    listed = _dated(PricedService)(query).values_list("device_code", flat=True)
    used = ServiceOrder.objects.for_facility(query.facility).filter(performed_at__gte=start, performed_at__lt=end)
    texts = {*listed, *used.order_by().values_list("device_code", flat=True).distinct()}
    codes = {code.strip() for text in texts for code in text.split(";")} - {""}
    return [Device(code) for code in sorted(codes)]


CATALOGS: dict[str, Callable[[Query], Iterable[Any]]] = {
    "departments": _departments,
    "staff": _staff,
    "drugs": lambda query: _dated(Drug)(query).filter(kind__in=MEDICINES),
    "supplies": lambda query: _dated(Drug)(query).filter(kind=ItemKind.SUPPLY),
    "services": _dated(PricedService),
    "devices": _devices,
}


def explain_catalog_row(query: Query, ref: str) -> Explained:
    """Nothing more than the row: it is the catalogue itself."""
    return "reports/_grid_row.html", {}
