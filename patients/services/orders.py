"""Service orders and their results (chỉ định dịch vụ, trả kết quả)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.accounts.models import Department
from his.catalogs.models import PricedService
from his.core.codes import clean_code
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc, nfc_lines
from his.service import audit_facts, service
from his.ui.text import money_text
from patients import ranges
from patients.models import Exam, ServiceOrder, ServiceResult
from patients.queries_clinical import performing_department
from patients.services.exams import TEXT_MAX, editable, licensed, refuse_signed
from patients.services.price_notices import note_told
from patients.wards import EVERY_BED_GROUP

QUANTITY_MAX = Decimal(999)
_LENGTHS = {"indicator_code": 255, "indicator_name": 255, "value": 255, "unit": 50, "reference": 100}


@dataclass(frozen=True, slots=True)
class ResultInput:
    """One indicator or reading. `is_abnormal` None: judged by the range that the catalogue gives the indicator."""

    indicator_code: str = ""
    indicator_name: str = ""
    value: str = ""
    unit: str = ""
    reference: str = ""
    is_abnormal: bool | None = None
    description: str = ""
    conclusion: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.value.strip() or self.description.strip() or self.conclusion.strip())


class ExtraNotTold(Refusal):
    """The service costs the patient more than the usual price, and nobody said that they were told."""

    def __init__(self, priced: PricedService, amount: Decimal) -> None:
        extra = f"{priced.name}: người bệnh trả thêm {money_text(amount)} đ chênh lệch giá"
        text = f"{extra}. Báo người bệnh trước khi chỉ định"
        super().__init__("extra_not_told", text, field="extra_told", wrong=priced.code, amount=amount)


@service(action="patients.order_service", permission="patients.examine")
def order_service(
    *,
    exam: Exam,
    service: PricedService,
    actor: Actor,
    at: datetime,
    quantity: Decimal = Decimal(1),
    is_insured: bool = True,
    is_on_demand: bool = False,
    extra_told: bool = False,
    note: str = "",
    diagnosis_code: str = "",
    department: Department | None = None,
) -> ServiceOrder:
    """Order a service in an open exam (chỉ định). It waits at the department that performs its cost group.

    The fund is asked only in an insured visit. Refuses a signed exam, a quantity that is not positive, a service that
    is not on the price list of the day, a bed day (a stay in the ward makes it), a time before the exam, and the same
    service still waiting. What the patient pays above the price of the fund, or on demand above that of the list, has
    to be told (`extra_told`): that goes on record, else the order is refused with `extra_not_told` and the amount.
    """
    exam = editable(exam)
    _refuse_quantity(quantity)
    day = local(at).date()
    if service.valid_from > day or (service.valid_to is not None and service.valid_to < day):
        raise Refusal(
            "not_in_force", f"{service.name} không có trong bảng giá ngày này", field="service", wrong=service.code
        )
    if service.group_code in EVERY_BED_GROUP:
        message = "Ngày giường do Buồng bệnh ghi theo lúc vào khoa, ra khoa, không chỉ định"
        raise Refusal("bed_day", message, field="service", wrong=service.code)
    if at < exam.started_at:
        raise Refusal("before_exam", "Giờ chỉ định trước giờ bắt đầu khám", field="ordered_at")
    if exam.orders.filter(state=ServiceOrder.State.ORDERED, service__code=service.code).exists():
        raise Refusal(
            "already_ordered", f"{service.name} đã chỉ định, đang chờ thực hiện", field="service", wrong=service.code
        )
    insured = is_insured and exam.visit.is_insured
    extra = service.extra_amount(is_insured=insured, is_on_demand=is_on_demand)
    if extra > 0:
        if not extra_told:
            raise ExtraNotTold(service, extra * quantity)
        note_told(visit=exam.visit, service_code=service.code, amount=extra, actor=actor, at=at)
    return ServiceOrder.objects.create(
        facility=exam.facility,
        exam=exam,
        visit=exam.visit,
        service=service,
        quantity=quantity,
        is_insured=insured,
        is_on_demand=is_on_demand,
        note=fitting(nfc(note), 500, "note"),
        diagnosis_code=fitting(clean_code(nfc(diagnosis_code)), 8, "diagnosis_code"),
        ordered_at=at,
        ordered_by=licensed(actor),
        department=department or performing_department(exam.facility, service.group_code) or exam.department,
        device_code=service.device_code,
    )


def _refuse_quantity(quantity: Decimal) -> None:
    if not quantity.is_finite() or quantity <= 0:
        raise Refusal("quantity", "Số lượng phải lớn hơn 0", field="quantity")
    if quantity > QUANTITY_MAX or quantity != round(quantity, 3):
        raise Refusal("quantity", "Số lượng tối đa 999, không quá 3 số lẻ", field="quantity")


@service(action="patients.cancel_order", permission="patients.examine")
def cancel_order(*, order: ServiceOrder, reason: str, actor: Actor, at: datetime) -> ServiceOrder:
    """Cancel an order that was not performed yet; the order stays in the record with the reason (hủy chỉ định)."""
    order = _locked(order)
    if order.state == ServiceOrder.State.CANCELLED:
        raise Refusal("already_cancelled", "Chỉ định đã hủy trước đó")
    if order.state != ServiceOrder.State.ORDERED:
        raise Refusal("already_performed", "Dịch vụ đã thực hiện, không hủy được")
    order.cancel_reason = fitting(nfc(reason), 500, "reason")
    if not order.cancel_reason:
        raise Refusal("no_reason", "Hãy ghi lý do hủy", field="reason")
    order.state = ServiceOrder.State.CANCELLED
    order.save(update_fields=["state", "cancel_reason"])
    return order


@service(action="patients.record_result", permission="patients.result")
def record_result(
    *,
    order: ServiceOrder,
    actor: Actor,
    at: datetime,
    results: Sequence[ResultInput],
    performed_at: datetime | None = None,
    device_code: str | None = None,
) -> ServiceOrder:
    """Store the results of an order (trả kết quả). Values stay as typed; empty rows are left out.

    Afterwards the order is performed, its result ready at `at`. Until the exam is signed, results may be replaced by
    corrected ones. Refuses a cancelled order, a signed exam, times out of order (ordered ≤ performed ≤ resulted), an
    answer without any value, description or conclusion, and, for an indicator with limits, a value that is neither one
    number nor words: it would never be told as abnormal.
    """
    order = _locked(order)
    if order.state == ServiceOrder.State.CANCELLED:
        raise Refusal("cancelled", "Chỉ định đã hủy, không nhập kết quả được")
    _refuse_times(order, performed_at, at)
    filled = [(index, result) for index, result in enumerate(results) if not result.is_empty]
    if not filled:
        raise Refusal("no_result", "Chưa nhập giá trị hay kết luận nào", field="results")
    reader = actor.practitioner()
    if order.state == ServiceOrder.State.PERFORMED:
        audit_facts(corrected=True)
        order.results.all().delete()
    ServiceResult.objects.bulk_create(
        _row(order, number, index, result, at, reader.pk) for number, (index, result) in enumerate(filled, start=1)
    )
    order.state = ServiceOrder.State.PERFORMED
    order.performed_at = performed_at or at
    order.performed_by = reader
    order.result_at = at
    if device_code is not None:
        order.device_code = fitting(nfc(device_code), 100, "device_code")
    order.save(update_fields=["state", "performed_at", "performed_by", "result_at", "device_code"])
    return order


def _locked(order: ServiceOrder) -> ServiceOrder:
    # With the exam: signing locks it too, so that a snapshot never misses a correction made at the same moment.
    rows = ServiceOrder.objects.select_for_update(of=("self", "exam"))
    order = rows.select_related("service", "exam__visit__patient").get(pk=order.pk)
    refuse_signed(order.exam)
    return order


def _refuse_times(order: ServiceOrder, performed_at: datetime | None, at: datetime) -> None:
    if at < order.ordered_at:
        raise Refusal("before_order", "Giờ có kết quả trước giờ chỉ định", field="result_at")
    if performed_at is not None and performed_at < order.ordered_at:
        raise Refusal("before_order", "Giờ thực hiện trước giờ chỉ định", field="performed_at")
    if performed_at is not None and performed_at > at:
        raise Refusal("after_result", "Giờ thực hiện sau giờ có kết quả", field="performed_at")


def _row(
    order: ServiceOrder, number: int, index: int, result: ResultInput, at: datetime, reader_id: int
) -> ServiceResult:
    known: dict[str, str] = next((i for i in order.service.indicators if i.get("code") == result.indicator_code), {})
    low, high = str(known.get("low") or ""), str(known.get("high") or "")
    if (low or high) and not ranges.is_readable(result.value):
        said = result.value.strip()[:20]
        message = f"Không đọc được “{said}”: hãy gõ một số (5,6 hoặc <0,01), dấu (++, 1/80) hay lời bằng chữ"
        raise Refusal("unreadable_value", message, field=f"results-{index}-value")
    abnormal = result.is_abnormal if result.is_abnormal is not None else ranges.is_abnormal(result.value, low, high)
    texts = {
        "indicator_code": result.indicator_code,
        "indicator_name": result.indicator_name or known.get("name") or order.service.name[:255],
        "value": result.value,
        "unit": result.unit or known.get("unit") or "",
        "reference": result.reference or ranges.reference_text(low, high),
    }
    return ServiceResult(
        facility_id=order.facility_id,
        order=order,
        position=number,
        is_abnormal=abnormal,
        description=fitting(nfc_lines(result.description), TEXT_MAX, f"results-{index}-description"),
        conclusion=fitting(nfc_lines(result.conclusion), TEXT_MAX, f"results-{index}-conclusion"),
        resulted_at=at,
        read_by_id=reader_id,
        **{name: fitting(nfc(text), _LENGTHS[name], f"results-{index}-{name}") for name, text in texts.items()},
    )
