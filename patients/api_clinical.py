"""The programming interface of examinations, orders, results and prescriptions: the same services as the screens."""

from collections.abc import Sequence

from django.utils import timezone
from ninja import Router, Status

from his.access import DeskRequest, requires
from his.catalogs import queries as catalogs
from his.core.errors import NotFound, Refusal
from patients.models import Exam, ServiceOrder
from patients.queries import get_room, get_visit
from patients.queries_clinical import (
    current_exam,
    desk_order,
    drugs_by_code,
    orders_of,
    prescription_of,
    signed_prescription,
)
from patients.schemas_clinical import (
    DiagnosesIn,
    ExamIn,
    ExamOut,
    LineIn,
    OrderIn,
    OrderOut,
    PrescriptionIn,
    PrescriptionOut,
    ReplacementIn,
    ResultsIn,
    SignIn,
)
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.orders import order_service, record_result
from patients.services.prescriptions import LineInput, prescribe
from patients.services.replacement import replace_prescription
from patients.services.signing import sign_exam

router = Router(tags=["examination"])


def _exam(request: DeskRequest, pk: int) -> Exam:
    """The open or last signed exam of a visit of the facility."""
    exam = current_exam(get_visit(request.actor.facility, pk))
    if exam is None:
        raise NotFound("Lượt này chưa bắt đầu khám")
    return exam


@router.get("/visits/{int:pk}/exam", response=ExamOut)
@requires("patients.examine")
def exam(request: DeskRequest, pk: int) -> ExamOut:
    """The exam of a visit."""
    return ExamOut.of(_exam(request, pk))


@router.post("/visits/{int:pk}/exam", response=ExamOut)
@requires("patients.examine")
def begin(request: DeskRequest, pk: int) -> ExamOut:
    """Begin the exam of a visit; an open one is answered as it is."""
    row = get_visit(request.actor.facility, pk)
    return ExamOut.of(start_exam(visit=row, actor=request.actor, at=timezone.now()))


@router.patch("/visits/{int:pk}/exam", response=ExamOut)
@requires("patients.examine")
def keep(request: DeskRequest, pk: int, body: ExamIn) -> ExamOut:
    """Keep texts of the draft."""
    draft = save_exam(exam=_exam(request, pk), actor=request.actor, at=timezone.now(), **body.dict())
    return ExamOut.of(draft)


@router.put("/visits/{int:pk}/diagnoses", response=ExamOut)
@requires("patients.examine")
def diagnose(request: DeskRequest, pk: int, body: DiagnosesIn) -> ExamOut:
    """Replace the diagnoses."""
    set_diagnoses(exam=_exam(request, pk), actor=request.actor, at=timezone.now(), **body.dict())
    return ExamOut.of(_exam(request, pk))


@router.get("/visits/{int:pk}/orders", response=list[OrderOut])
@requires("patients.view")
def list_orders(request: DeskRequest, pk: int) -> list[OrderOut]:
    """Orders of a visit with their results."""
    return [OrderOut.of(order) for order in orders_of(get_visit(request.actor.facility, pk))]


@router.post("/visits/{int:pk}/orders", response={201: OrderOut})
@requires("patients.examine")
def create_order(request: DeskRequest, pk: int, body: OrderIn) -> Status[OrderOut]:
    """Order a service of the price list of the day."""
    facts = body.dict(exclude={"service_code"})
    service = catalogs.service_on(request.actor.facility, _code(body.service_code), timezone.localdate())
    order = order_service(exam=_exam(request, pk), service=service, actor=request.actor, at=timezone.now(), **facts)
    return Status(201, OrderOut.of(order))


@router.put("/orders/{int:pk}/results", response=OrderOut)
@requires("patients.result")
def put_results(request: DeskRequest, pk: int, body: ResultsIn) -> OrderOut:
    """Store the results of an order; until the exam is signed they may be sent again, corrected."""
    order: ServiceOrder | None = desk_order(request.actor.facility, pk)
    if order is None:
        raise NotFound
    if body.performed_at is not None and body.performed_at.tzinfo is None:
        raise Refusal("bad_time", "Giờ thực hiện cần có múi giờ", field="performed_at")
    done = record_result(
        order=order,
        actor=request.actor,
        at=timezone.now(),
        results=[row.input() for row in body.results],
        performed_at=body.performed_at,
        device_code=body.device_code,
    )
    return OrderOut.of(done)


@router.get("/visits/{int:pk}/prescription", response=PrescriptionOut)
@requires("patients.view")
def read_prescription(request: DeskRequest, pk: int) -> PrescriptionOut:
    """The prescription of a visit."""
    found = prescription_of(_exam(request, pk))
    if found is None:
        raise NotFound("Lượt này không có đơn thuốc")
    return PrescriptionOut.of(found)


@router.put("/visits/{int:pk}/prescription", response=PrescriptionOut)
@requires("patients.examine")
def put_prescription(request: DeskRequest, pk: int, body: PrescriptionIn) -> PrescriptionOut:
    """Replace the lines of the prescription."""
    written = prescribe(
        exam=_exam(request, pk),
        lines=_lines(request, body.lines),
        note=body.note,
        reasons={key: one.reason() for key, one in body.reasons.items()},
        actor=request.actor,
        at=timezone.now(),
    )
    return PrescriptionOut.of(written)


@router.post("/prescriptions/{int:pk}/replacement", response={201: PrescriptionOut})
@requires("patients.examine")
def post_replacement(request: DeskRequest, pk: int, body: ReplacementIn) -> Status[PrescriptionOut]:
    """Sign another prescription in place of a signed one, whose codes are void from then on."""
    new = replace_prescription(
        prescription=signed_prescription(request.actor.facility, pk),
        lines=_lines(request, body.lines),
        reason=body.reason,
        note=body.note,
        reasons={key: one.reason() for key, one in body.reasons.items()},
        actor=request.actor,
        at=timezone.now(),
    )
    return Status(201, PrescriptionOut.of(new))


@router.post("/visits/{int:pk}/sign", response=ExamOut)
@requires("patients.examine")
def sign(request: DeskRequest, pk: int, body: SignIn) -> ExamOut:
    """Sign the exam and its prescription; perhaps send the person on to another room."""
    room = get_room(request.actor.facility, body.send_on_room_id) if body.send_on_room_id is not None else None
    facts = body.dict(exclude={"send_on_room_id", "transfer", "reasons"})
    signed = sign_exam(
        exam=_exam(request, pk),
        actor=request.actor,
        at=timezone.now(),
        send_on_to=room,
        transfer=body.transfer.slip() if body.transfer is not None else None,
        reasons={key: one.reason() for key, one in body.reasons.items()},
        **facts,
    )
    return ExamOut.of(signed)


def _lines(request: DeskRequest, rows: Sequence[LineIn]) -> list[LineInput]:
    drugs = drugs_by_code(request.actor.facility, [row.drug_code for row in rows], timezone.localdate())
    for number, row in enumerate(rows):
        if row.drug_code not in drugs:
            raise Refusal("unknown_drug", "Thuốc không có trong danh mục", field=f"lines-{number}-drug")
    return [LineInput(drug=drugs[row.drug_code], **row.dict(exclude={"drug_code"})) for row in rows]


def _code(text: str) -> str:
    return text.replace("\x00", "")
