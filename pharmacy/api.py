"""The pharmacy's part of the programming interface: the same queries and services as the screens."""

from datetime import date

from django.utils import timezone
from ninja import Query, Router

from his.access import DeskRequest, requires
from his.core.dates import day_range
from his.core.errors import NotFound, Refusal
from his.core.text import fold
from patients.models import Prescription, PrescriptionRefusal
from pharmacy import queries_window
from pharmacy.api_documents import router as documents_router
from pharmacy.handout import Bringer, LineChoice, ReturnedLine
from pharmacy.models import Dispense, Lot, NotGiven, PatientReturn, Store
from pharmacy.queries import DrugStock, dispensing_stores, stock_by_drug, stores, waiting_prescriptions
from pharmacy.schemas import (
    DispenseIn,
    DispenseOut,
    LeaveOutIn,
    LeftOutOut,
    LineChoiceIn,
    ReturnIn,
    ReturnOut,
    SendBackIn,
    SentBackOut,
    StockOut,
    WaitingOut,
)
from pharmacy.services.dispensing import dispense
from pharmacy.services.returning import return_drugs
from pharmacy.services.stock_checks import ALWAYS, LONG_AGO, DeskClock
from pharmacy.services.window import leave_out, send_back

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
    """Hand out a signed prescription, in full or as the lines say."""
    facility = request.actor.facility
    prescription = queries_window.prescription(facility, prescription_id)
    return dispense(
        prescription=prescription,
        store=_by_code(list(dispensing_stores(facility)), body.store_code),
        choices=[_choice(prescription, line) for line in body.lines],
        actor=request.actor,
        at=timezone.now(),
        clock=_clock(body.confirm_clock),
        idempotency_key=body.idempotency_key,
    )


@router.post("/prescriptions/{prescription_id}/send-back", response=SentBackOut)
@requires("pharmacy.dispense")
def post_send_back(request: DeskRequest, prescription_id: int, body: SendBackIn) -> PrescriptionRefusal:
    """Send a signed prescription back to the doctor."""
    prescription = queries_window.prescription(request.actor.facility, prescription_id)
    return send_back(prescription=prescription, actor=request.actor, at=timezone.now(), **body.dict())


@router.post("/prescriptions/{prescription_id}/leave-out", response=LeftOutOut)
@requires("pharmacy.dispense")
def post_leave_out(request: DeskRequest, prescription_id: int, body: LeaveOutIn) -> NotGiven:
    """Close what is still open of a prescription as not given."""
    prescription = queries_window.prescription(request.actor.facility, prescription_id)
    return leave_out(prescription=prescription, actor=request.actor, at=timezone.now(), **body.dict())


@router.post("/dispenses/{dispense_id}/return", response=ReturnOut)
@requires("pharmacy.dispense")
def post_return(request: DeskRequest, dispense_id: int, body: ReturnIn) -> PatientReturn:
    """Take handed-out drugs back from the patient."""
    rows = Dispense.objects.for_facility(request.actor.facility).select_related("prescription")
    done = rows.filter(pk=dispense_id).first()
    if done is None:
        raise NotFound("Không tìm thấy phiếu cấp phát tại cơ sở này")
    return return_drugs(
        dispense=done,
        lines=[
            ReturnedLine(line.dispense_line_id, line.quantity, line.is_intact, line.condition) for line in body.lines
        ],
        reason=body.reason,
        bringer=Bringer(body.handed_by, body.handed_by_id_number),
        clock=_clock(body.confirm_clock),
        actor=request.actor,
        at=timezone.now(),
        idempotency_key=body.idempotency_key,
    )


def _clock(is_confirmed: bool) -> DeskClock:
    return DeskClock(ALWAYS if is_confirmed else LONG_AGO)


def _choice(prescription: Prescription, line: LineChoiceIn) -> LineChoice:
    """A line as the service takes it, found by the code of its drug; a lot by its number."""
    row = prescription.lines.filter(drug__code=line.drug_code).first()
    if row is None:
        raise NotFound(f"Đơn không có thuốc {line.drug_code}")
    lot = None
    if line.lot_number:
        lots = Lot.objects.for_facility(prescription.facility_id).filter(drug__code=line.drug_code)
        lot = lots.filter(number=line.lot_number).order_by("expires_on").last()
        if lot is None:
            raise NotFound(f"Không có lô {line.lot_number} của {line.drug_code}")
    return LineChoice(
        line_id=row.pk,
        quantity=line.quantity,
        reason=line.reason,
        note=line.note,
        is_final=line.is_final,
        lot_id=lot.pk if lot else None,
        lot_reason=line.lot_reason,
        drug_code=line.substitute_code,
        agreed_by=line.agreed_by,
        doctor_name=line.doctor_name,
    )


def _by_code(known: list[Store], code: str) -> Store:
    found = next((store for store in known if store.code == code), None)
    if found is None:
        raise NotFound("Không tìm thấy kho tại cơ sở này")
    return found
