"""Visits and the queue (lượt khám, hàng chờ): open, cancel, call, skip, vital signs.

Locks in this order: the patient, the visit or ticket, the counters (docs/locking.md).
"""

import re
from datetime import date, datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.accounts.models import Facility, Room
from his.core.codes import FACILITY_CODE
from his.core.dates import day_range, local
from his.core.errors import Refusal
from his.core.text import fitting, nfc
from his.service import audit_facts, service
from patients import hooks
from patients.models import InsuranceCard, Patient, QueueTicket, Route, Source, Visit, VitalSigns
from patients.services.beds import end_of
from patients.services.counters import next_number

_VISIT_TYPE = re.compile(r"^(0[1-9]|1[0-6])$")
_INJURY = re.compile(r"^[1-8]?$")
_CALLABLE = (QueueTicket.State.WAITING, QueueTicket.State.CALLED, QueueTicket.State.SKIPPED)
_ATTENDED = (Visit.State.OPEN, Visit.State.IN_EXAM)

# What a reading can be in a living person; outside it is a slip of the hand.
_LIMITS: dict[str, tuple[Decimal, Decimal, str]] = {
    "pulse": (Decimal(20), Decimal(300), "Mạch từ 20 đến 300 lần/phút"),
    "temperature": (Decimal(30), Decimal(45), "Nhiệt độ từ 30 đến 45 °C"),
    "systolic": (Decimal(40), Decimal(300), "Huyết áp tối đa từ 40 đến 300 mmHg"),
    "diastolic": (Decimal(20), Decimal(200), "Huyết áp tối thiểu từ 20 đến 200 mmHg"),
    "respiration": (Decimal(5), Decimal(120), "Nhịp thở từ 5 đến 120 lần/phút"),
    "oxygen_saturation": (Decimal(30), Decimal(100), "SpO2 từ 30 đến 100 %"),
    "weight_kg": (Decimal("0.3"), Decimal(400), "Cân nặng từ 0,3 đến 400 kg"),
    "height_cm": (Decimal(20), Decimal(250), "Chiều cao từ 20 đến 250 cm"),
}
_PLACES = {"temperature": 1, "weight_kg": 2, "height_cm": 1}


@service(action="patients.open_visit", permission="patients.register")
def open_visit(
    *,
    patient: Patient,
    room: Room,
    actor: Actor,
    at: datetime,
    card: InsuranceCard | None = None,
    is_insured: bool | None = None,
    visit_type: str = "01",
    route: str = Route.SELF,
    referral_facility_code: str = "",
    referral_number: str = "",
    reason: str = "",
    priority: bool = False,
    injury_code: str = "",
    identified_by: str = Source.TYPED,
    confirm_second: bool = False,
) -> Visit:
    """Open a visit and give it a queue number at an exam room (đăng ký khám).

    The claim code `<facility>.<yymm>.<6 digits>` (MA_LK) is fixed here for ever. `is_insured` None means: when a card
    is given. Refuses a card of another person or not valid on the day, an insured visit without a card or of a person
    whose province and commune are not known (the claim must name them), the registered route with a card registered
    elsewhere, a room where nobody is examined, a referral without the referring facility, and, unless
    `confirm_second`, a second visit while one of the same day is open.
    """
    on = local(at).date()
    insured = card is not None if is_insured is None else is_insured
    _refuse_room(room)
    _refuse_card(patient, card, insured, on)
    referral_facility_code = referral_facility_code.strip()
    _refuse_codes(visit_type, route, referral_facility_code, injury_code)
    if insured and card is not None and route == Route.REGISTERED:
        _refuse_stranger_card(card, actor.facility)
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    if patient.born_on > on:
        raise Refusal("before_birth", "Ngày khám trước ngày sinh của người bệnh", field="patient")
    if insured and not (patient.province_code and patient.commune_code):
        message = "Khám BHYT: hãy chọn xã, phường nơi ở (hồ sơ BHYT bắt buộc có)"
        raise Refusal("residence_missing", message, field="commune")
    if not confirm_second:
        _refuse_second_visit(patient, on)
    number = next_number(facility=actor.facility, series=f"visit:{on:%y%m}")
    visit = Visit.objects.create(
        facility=actor.facility,
        claim_code=f"{actor.facility.code}.{on:%y%m}.{number:06d}",
        patient=patient,
        card=card,
        is_insured=insured,
        visit_type=visit_type,
        route=route,
        referral_facility_code=referral_facility_code,
        referral_number=fitting(nfc(referral_number), 50, "referral_number"),
        injury_code=injury_code,
        reason=fitting(nfc(reason), 1000, "reason"),
        priority=priority,
        room=room,
        department=room.department,
        identified_by=Source(identified_by),
        arrived_at=at,
        opened_by=actor.user,
    )
    ticket = _issue_ticket(visit, room, on, at)
    audit_facts(claim_code=visit.claim_code, ticket=ticket.label, insured=insured, room=room.code)
    return visit


def _issue_ticket(visit: Visit, room: Room, on: date, at: datetime) -> QueueTicket:
    series = f"ticket:{room.pk}:{on:%Y%m%d}:{'priority' if visit.priority else 'normal'}"
    return QueueTicket.objects.create(
        facility=visit.facility,
        visit=visit,
        room=room,
        day=on,
        is_priority=visit.priority,
        number=next_number(facility=visit.facility, series=series),
        issued_at=at,
    )


@service(action="patients.send_on", permission="patients.examine")
def send_on(*, visit: Visit, room: Room, actor: Actor, at: datetime) -> QueueTicket:
    """Send a person whose exams are signed on to another exam room (chuyển phòng khám); the new number there.

    Afterwards the visit waits for that room, and the exam there is the next one of the same visit and claim. Refuses a
    finished visit, one with an exam that is not signed, and a room where the person waits or was examined already.
    """
    visit = _locked(visit)
    if visit.state in {Visit.State.CLOSED, Visit.State.CANCELLED}:
        raise Refusal("visit_finished", f"Lượt khám {visit.get_state_display().lower()}, không chuyển phòng được")
    _refuse_room(room, field="send_on_to")
    exams = list(visit.exams.all())
    if not exams or any(not exam.is_signed for exam in exams):
        raise Refusal("not_signed", "Ký phiếu khám ở phòng này trước khi chuyển phòng")
    waits = visit.tickets.filter(room=room, state__in=[*_CALLABLE, QueueTicket.State.SERVING]).exists()
    if waits or any(exam.room_id == room.pk for exam in exams):
        raise Refusal("been_there", f"Người bệnh đã khám hoặc đang chờ ở {room.name}", field="send_on_to")
    visit.state, visit.ended_at, visit.room, visit.department = Visit.State.OPEN, None, room, room.department
    visit.save(update_fields=["state", "ended_at", "room", "department"])
    ticket = _issue_ticket(visit, room, local(at).date(), at)
    audit_facts(claim_code=visit.claim_code, ticket=ticket.label, room=room.code)
    return ticket


@service(action="patients.end_waiting", permission="patients.examine")
def end_waiting(*, visit: Visit, actor: Actor, at: datetime) -> Visit:
    """End a visit that was sent on to a room where the person did not go; the signed exams stand.

    Afterwards the visit is examined, since its last exam was signed or its patient left the ward, and its costs can be
    closed. Refuses a visit that does not wait for a further exam.
    """
    visit = _locked(visit)
    last = visit.exams.order_by("signed_at").last()
    if visit.state != Visit.State.OPEN or last is None or last.signed_at is None:
        raise Refusal("not_sent_on", "Lượt khám không chờ phòng khám khác")
    visit.state, visit.ended_at, visit.room, visit.department = (
        Visit.State.EXAMINED,
        last.signed_at,
        last.room,
        last.department,
    )
    visit.ended_at = end_of(visit)
    visit.save(update_fields=["state", "ended_at", "room", "department"])
    visit.tickets.filter(state__in=_CALLABLE).update(state=QueueTicket.State.DONE, done_at=at)
    audit_facts(claim_code=visit.claim_code)
    return visit


def _refuse_room(room: Room, field: str = "room") -> None:
    if room.kind != Room.Kind.EXAM or not room.is_active:
        raise Refusal("not_exam_room", f"{room.name} không phải phòng khám đang hoạt động", field=field)


def _refuse_card(patient: Patient, card: InsuranceCard | None, insured: bool, on: date) -> None:
    if card is None:
        if insured:
            raise Refusal("no_card", "Khám BHYT cần một thẻ còn hạn", field="card")
        return
    if card.patient_id != patient.pk:
        raise Refusal("card_of_another", "Thẻ không phải của người bệnh này", field="card")
    if card.valid_from > on:
        raise Refusal("card_not_yet", f"Thẻ chưa có giá trị, bắt đầu từ {card.valid_from:%d/%m/%Y}", field="card")
    if card.valid_to is not None and card.valid_to < on:
        raise Refusal("card_expired", f"Thẻ đã hết hạn ngày {card.valid_to:%d/%m/%Y}", field="card")


def _refuse_stranger_card(card: InsuranceCard, facility: Facility) -> None:
    """Said here, where the card can be looked at; at the cashier the visit could not be closed."""
    if card.registered_facility_code != facility.code:
        message = f"Thẻ đăng ký ban đầu tại {card.registered_facility_code}, không phải nơi này: chọn đường đến khác"
        raise Refusal("route_contradicts_card", message, field="route")


def _refuse_codes(visit_type: str, route: str, referral_facility_code: str, injury_code: str) -> None:
    if not _VISIT_TYPE.match(visit_type):
        raise Refusal("visit_type", "Loại hình khám chữa bệnh không có trong danh mục", field="visit_type")
    if route not in Route.values:
        raise Refusal("route", "Hãy chọn đường đến", field="route")
    if not _INJURY.match(injury_code):
        raise Refusal("injury_code", "Mã tai nạn từ 1 đến 8", field="injury_code")
    if referral_facility_code and not FACILITY_CODE.match(referral_facility_code):
        raise Refusal("facility_code", "Nơi chuyển đến là mã 5 chữ số", field="referral_facility_code")
    if route == Route.REFERRAL and not referral_facility_code:
        raise Refusal("no_referral", "Có phiếu chuyển: ghi mã nơi chuyển đến", field="referral_facility_code")


def _refuse_second_visit(patient: Patient, on: date) -> None:
    start, end = day_range(on)
    same_day = patient.visits.filter(arrived_at__gte=start, arrived_at__lt=end, state__in=_ATTENDED)
    if other := same_day.select_related("room").first():
        message = f"Người bệnh đang có lượt khám hôm nay tại {other.room.name} ({other.claim_code})"
        raise Refusal("already_open", message, field="confirm_second", visit_id=other.pk)


@service(action="patients.cancel_visit", permission="patients.register")
def cancel_visit(*, visit: Visit, reason: str, actor: Actor, at: datetime) -> Visit:
    """Cancel a visit that no doctor has begun (hủy lượt khám). Its claim code and number are never given out again.

    The reason is kept in the audit entry. Refuses without a reason and once the examination began.
    """
    visit = _locked(visit)
    if visit.state == Visit.State.CANCELLED:
        raise Refusal("already_cancelled", "Lượt khám đã hủy trước đó")
    if visit.state != Visit.State.OPEN or visit.exams.exists():
        raise Refusal("exam_begun", "Bác sĩ đã khám, không hủy lượt được")
    why = fitting(nfc(reason), 500, "reason")
    if not why:
        raise Refusal("no_reason", "Hãy ghi lý do hủy", field="reason")
    visit.state = Visit.State.CANCELLED
    visit.ended_at = max(at, visit.arrived_at)
    visit.save(update_fields=["state", "ended_at"])
    waiting = visit.tickets.filter(state__in=_CALLABLE)
    waiting.update(state=QueueTicket.State.DONE, done_at=at)
    audit_facts(claim_code=visit.claim_code, reason=why)
    return visit


def _locked(visit: Visit) -> Visit:
    return Visit.objects.select_for_update(of=("self",)).select_related("room", "patient").get(pk=visit.pk)


@service(action="patients.call_ticket", permission="patients.queue")
def call_ticket(*, ticket: QueueTicket, actor: Actor, at: datetime) -> QueueTicket:
    """Call a number, also again or after it was skipped (gọi số). Refuses one that is served, done or cancelled."""
    ticket = _ticket(ticket)
    if ticket.state not in _CALLABLE:
        raise Refusal("not_waiting", f"Số {ticket.label} không còn chờ ({ticket.get_state_display().lower()})")
    return _called(ticket, at)


@service(action="patients.call_next", permission="patients.queue")
def call_next(*, room: Room, actor: Actor, at: datetime) -> QueueTicket | None:
    """Call the next waiting number of a room today: priority numbers first, then in order. None when nobody waits.

    Two desks calling at once get two different numbers.
    """
    on = local(at).date()
    waiting = QueueTicket.objects.for_facility(actor.facility).filter(
        room=room, day=on, state=QueueTicket.State.WAITING, visit__state__in=_ATTENDED
    )
    ticket = (
        waiting.select_for_update(skip_locked=True, of=("self",))
        .select_related("visit__patient", "room")
        .order_by("-is_priority", "number")
        .first()
    )
    return _called(ticket, at) if ticket else None


@service(action="patients.skip_ticket", permission="patients.queue")
def skip_ticket(*, ticket: QueueTicket, actor: Actor, at: datetime) -> QueueTicket:
    """Set a number aside whose owner did not come (vắng); it can be called again.

    Refuses a number that is served or done.
    """
    ticket = _ticket(ticket)
    if ticket.state not in _CALLABLE:
        raise Refusal("not_waiting", f"Số {ticket.label} không còn chờ ({ticket.get_state_display().lower()})")
    ticket.state = QueueTicket.State.SKIPPED
    ticket.save(update_fields=["state"])
    return ticket


def _ticket(ticket: QueueTicket) -> QueueTicket:
    rows = QueueTicket.objects.select_for_update(of=("self",)).select_related("visit__patient", "room")
    return rows.get(pk=ticket.pk)


def _called(ticket: QueueTicket, at: datetime) -> QueueTicket:
    ticket.state = QueueTicket.State.CALLED
    ticket.called_at = at
    ticket.save(update_fields=["state", "called_at"])
    return ticket


@service(action="patients.record_vitals", permission="patients.triage")
def record_vitals(
    *,
    visit: Visit,
    actor: Actor,
    at: datetime,
    pulse: int | None = None,
    temperature: Decimal | None = None,
    systolic: int | None = None,
    diastolic: int | None = None,
    respiration: int | None = None,
    oxygen_saturation: int | None = None,
    weight_kg: Decimal | None = None,
    height_cm: Decimal | None = None,
) -> VitalSigns:
    """Store one set of vital signs (dấu hiệu sinh tồn): beats and breaths a minute, °C, mmHg, %, kg, cm.

    A correction is a new set; the latest counts. Refuses readings that cannot be, half a blood pressure, an empty
    set, a time before the arrival, and a visit that is closed or cancelled.
    """
    readings: dict[str, int | Decimal | None] = {
        "pulse": pulse,
        "temperature": temperature,
        "systolic": systolic,
        "diastolic": diastolic,
        "respiration": respiration,
        "oxygen_saturation": oxygen_saturation,
        "weight_kg": weight_kg,
        "height_cm": height_cm,
    }
    _refuse_readings(readings)
    # Readings are added only, so the visit needs no lock, just its present state.
    visit = Visit.objects.get(pk=visit.pk)
    if visit.state in {Visit.State.CLOSED, Visit.State.CANCELLED}:
        raise Refusal("visit_finished", f"Lượt khám {visit.get_state_display().lower()}, không ghi thêm được")
    if at < visit.arrived_at:
        raise Refusal("before_arrival", "Giờ đo trước giờ đến khám", field="taken_at")
    return VitalSigns.objects.create(facility=actor.facility, visit=visit, taken_at=at, taken_by=actor.user, **readings)


def _refuse_readings(readings: dict[str, int | Decimal | None]) -> None:
    if all(value is None for value in readings.values()):
        raise Refusal("no_reading", "Chưa nhập chỉ số nào")
    for name, value in readings.items():
        if value is None:
            continue
        low, high, message = _LIMITS[name]
        if not low <= value <= high:
            raise Refusal("reading", message, field=name)
        places = _PLACES.get(name, 0)
        if Decimal(value) != round(Decimal(value), places):
            raise Refusal("reading", f"{message}, tối đa {places} số lẻ" if places else message, field=name)
    systolic, diastolic = readings["systolic"], readings["diastolic"]
    if (systolic is None) != (diastolic is None):
        missing = "systolic" if systolic is None else "diastolic"
        raise Refusal("half_pressure", "Huyết áp cần đủ hai số", field=missing)
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        raise Refusal("pressure_order", "Huyết áp tối thiểu phải nhỏ hơn tối đa", field="diastolic")


@service(action="patients.mark_closed", permission=None)
def mark_closed(*, visit: Visit, actor: Actor, at: datetime, claim_month: date) -> Visit:
    """Step of closing the costs: the visit, which the caller has locked, is closed and counts in `claim_month`.

    The month is kept as its first day. No stock is kept any more for drugs that the patient declined.
    """
    if visit.state == Visit.State.CLOSED:
        raise Refusal("already_closed", "Lượt khám đã chốt chi phí")
    if visit.state != Visit.State.EXAMINED:
        raise Refusal("not_signed", "Bác sĩ chưa ký kết thúc khám")
    visit.state, visit.closed_at, visit.claim_month = Visit.State.CLOSED, at, claim_month.replace(day=1)
    visit.save(update_fields=["state", "closed_at", "claim_month"])
    hooks.release_stock(visit, actor, at)
    return visit


@service(action="patients.mark_reopened", permission=None)
def mark_reopened(*, visit: Visit, actor: Actor, at: datetime) -> Visit:
    """Step of reopening a visit that the caller has locked: it is examined again, same claim code, next version."""
    if visit.state != Visit.State.CLOSED:
        raise Refusal("not_closed", "Lượt khám chưa chốt chi phí")
    visit.state, visit.closed_at, visit.claim_month = Visit.State.EXAMINED, None, None
    visit.version += 1
    visit.save(update_fields=["state", "closed_at", "claim_month", "version"])
    return visit
