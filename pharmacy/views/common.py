"""What the pages of the store keeper's desk share: the stores, the chosen one, the filters, what the user may do."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from his.access import DeskRequest
from his.core.codes import row_id
from his.core.dates import parse_day
from his.core.errors import NotFound
from pharmacy.models import StockDocument, Store
from pharmacy.queries import stores

PAGE = 50
CARD_DAYS = 31


def head(request: DeskRequest) -> dict[str, Any]:
    """What every page of the desk shows."""
    may = request.actor.may
    return {
        "stores": list(stores(request.actor.facility)),
        "store": chosen_store(request),
        "kept": kept(request),
        "today": timezone.localdate(),
        "may_draft": may("pharmacy.draft"),
        "may_receive": may("pharmacy.receive"),
        "may_approve": may("pharmacy.approve"),
        "may_reverse": may("pharmacy.reverse"),
    }


def chosen_store(request: DeskRequest) -> Store | None:
    """The store that the list is narrowed to; NotFound when the facility has none of that id."""
    chosen = request.GET.get("store", "")
    if not chosen:
        return None
    found = stores(request.actor.facility).filter(pk=row_id(chosen)).first()
    if found is None:
        raise NotFound("Không tìm thấy kho tại cơ sở này")
    return found


def kept(request: DeskRequest) -> str:
    """The filters of a list, for the links to its other pages."""
    query = request.GET.copy()
    query.pop("page", None)
    return f"{query.urlencode()}&" if query else ""


def typed_day(raw: str | None, default: date | None) -> date | None:
    """A day as typed, or the default when it is none."""
    try:
        return parse_day(raw) if raw else default
    except ValueError:
        return default


def card_period(request: DeskRequest) -> tuple[date, date]:
    """The days asked for, the last month when they are not."""
    last = typed_day(request.GET.get("to"), None) or timezone.localdate()
    first = typed_day(request.GET.get("from"), None) or last - timedelta(days=CARD_DAYS)
    return min(first, last), last


def rounded(value: Decimal | None) -> Decimal | None:
    """An average as lists show it: one decimal at most; None when it is not known."""
    return None if value is None else value.quantize(Decimal("0.1")).normalize() if value else Decimal(0)


def held_text(document: StockDocument) -> str:
    """What the line under the top bar adds when goods of a document may not be issued, empty when all may."""
    numbers = sorted({line.lot.number for line in document.lines.select_related("lot") if line.lot.is_blocked})
    return f"; đang khóa, chưa cấp được: lô {', '.join(numbers)}" if numbers else ""
