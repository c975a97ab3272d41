"""The pharmacy's part of the programming interface: the same queries and services as the screens."""

from datetime import date

from django.utils import timezone
from ninja import Query, Router

from his.access import DeskRequest, requires
from his.core.dates import day_range
from his.core.errors import NotFound, Refusal
from his.core.text import fold
from patients.models import Prescription
from pharmacy import queries_window
from pharmacy.api_documents import router as documents_router
from pharmacy.models import Dispense, Store
from pharmacy.queries import DrugStock, dispensing_stores, stock_by_drug, stores, waiting_prescriptions
from pharmacy.schemas import DispenseIn, DispenseOut, StockOut, WaitingOut
from pharmacy.services.dispensing import dispense

router = Router(tags=["pharmacy"])
router.add_router("", documents_router)


@router.get("/stock", response=list[StockOut])
@requires("pharmacy.view")
def list_stock(request: DeskRequest, store: str = Query(""), q: str = Query("", max_length=100)) -> list[DrugStock]:
    """Stock by drug, today, in one store or in all."""
    facility = request.actor.facility
    chosen = _by_code(list(stores(facility)), store) if store else None
    return stock_by_drug(facility, timezone.localdate(), store=chosen, folded=fold(q))


@router.get("/prescriptions/waiting", response=list[WaitingOut])
@requires("pharmacy.dispense", "pharmacy.view")
def list_waiting(request: DeskRequest, day: date | None = None) -> list[Prescription]:
    """Prescriptions signed on the day (default today) that wait to be handed out."""
    day = day or timezone.localdate()
    try:
        day_range(day)
    except OverflowError:
        raise Refusal("bad_day", "Ngày ngoài khoảng xem được", field="day") from None
    return list(waiting_prescriptions(request.actor.facility, day).prefetch_related("lines__drug"))


@router.post("/prescriptions/{prescription_id}/dispense", response=DispenseOut)
@requires("pharmacy.dispense")
def post_dispense(request: DeskRequest, prescription_id: int, body: DispenseIn) -> Dispense:
    """Hand out a signed prescription."""
    facility = request.actor.facility
    return dispense(
        prescription=queries_window.prescription(facility, prescription_id),
        store=_by_code(list(dispensing_stores(facility)), body.store_code),
        actor=request.actor,
        at=timezone.now(),
        idempotency_key=body.idempotency_key,
    )


def _by_code(known: list[Store], code: str) -> Store:
    found = next((store for store in known if store.code == code), None)
    if found is None:
        raise NotFound("Không tìm thấy kho tại cơ sở này")
    return found
