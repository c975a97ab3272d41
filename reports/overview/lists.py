"""The rows behind a number of one facility's overview: visits, cash entries, waits, of a month, a day or an hour."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from his.accounts.models import Facility
from his.core.errors import NotFound
from his.ui.charts import Cell, paid
from his.ui.text import decimal_text, minute_text
from insurance.billing.effects import EFFECTS, cash_of
from insurance.models import CashEntry
from patients.models import QueueTicket, Visit
from patients.queries_waiting import called


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which facility and time; `hour` of the day and `insured` narrow where they mean something."""

    facility: Facility
    start: datetime
    end: datetime
    hour: int | None = None
    insured: bool | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its title, who may see it, its rows in the database and how one is written."""

    title: str
    permission: str
    headings: Sequence[tuple[str, bool]]
    rows: Callable[[Asked], QuerySet[Any]]
    write: Callable[[Any], list[Cell]]


def _visits(asked: Asked) -> QuerySet[Visit]:
    rows = Visit.objects.for_facility(asked.facility).filter(arrived_at__gte=asked.start, arrived_at__lt=asked.end)
    rows = rows.exclude(state=Visit.State.CANCELLED)
    if asked.insured is not None:
        rows = rows.filter(is_insured=asked.insured)
    return rows.select_related("patient", "room").order_by("arrived_at", "pk")


def _visit(row: Visit) -> list[Cell]:
    payer = "BHYT" if row.is_insured else "Không BHYT"
    texts = (row.claim_code, row.patient.full_name, minute_text(row.arrived_at), payer, row.room.name)
    return [*map(Cell, texts), Cell(str(row.get_state_display()))]


def _entries(asked: Asked) -> QuerySet[CashEntry]:
    moves = [kind for kind, effect in EFFECTS.items() if effect.cash]
    rows = CashEntry.objects.for_facility(asked.facility).filter(at__gte=asked.start, at__lt=asked.end, kind__in=moves)
    return rows.select_related("visit__patient", "by").order_by("at", "pk")


def _entry(row: CashEntry) -> list[Cell]:
    texts = (row.number, minute_text(row.at), row.visit.patient.full_name, row.get_kind_display())
    return [
        *map(Cell, map(str, texts)),
        Cell(str(row.get_method_display())),
        Cell(row.by.display_name),
        paid(cash_of(row)),
    ]


def _tickets(asked: Asked) -> QuerySet[Any]:
    rows = called(QueueTicket.objects.for_facility(asked.facility), asked.start, asked.end)
    if asked.hour is not None:
        rows = rows.filter(hour=asked.hour)
    return rows.select_related("visit__patient", "room").order_by("-minutes", "pk")


def _ticket(row: Any) -> list[Cell]:
    texts = (row.label, row.visit.patient.full_name, row.room.name, minute_text(row.issued_at))
    waited = decimal_text(row.minutes.quantize(1))
    return [*map(Cell, texts), Cell(minute_text(row.called_at)), Cell(waited, is_number=True)]


def _heads(*names: str) -> tuple[tuple[str, bool], ...]:
    return tuple((name.removeprefix(">"), name.startswith(">")) for name in names)


LISTINGS = {
    "visits": Listing(
        "Lượt khám",
        "patients.view",
        _heads("Mã liên kết", "Người bệnh", "Đến lúc", "Đối tượng", "Phòng", "Trạng thái"),
        _visits,
        _visit,
    ),
    "money": Listing(
        "Phiếu thu, phiếu hoàn",
        "billing.view",
        _heads("Số phiếu", "Lúc", "Người bệnh", "Loại phiếu", "Hình thức", "Người lập", ">Tiền vào (ra), đ"),
        _entries,
        _entry,
    ),
    "waiting": Listing(
        "Chờ khám, lâu nhất trước",
        "patients.view",
        _heads("Số", "Người bệnh", "Phòng", "Lấy số lúc", "Được gọi lúc", ">Chờ, phút"),
        _tickets,
        _ticket,
    ),
}


def listing(what: str) -> Listing:
    """The list of a name; an unknown one is not found."""
    if what not in LISTINGS:
        raise NotFound("Không có danh sách này")
    return LISTINGS[what]
