"""Measuring temperature and humidity twice a day, and what follows from a deviation (nhiệt độ, độ ẩm kho)."""

from datetime import date, datetime
from decimal import Decimal

from his.accounts.actor import Actor
from his.catalogs.models import Storage
from his.core.dates import local
from his.core.errors import Refusal
from his.locks import lock_name
from his.service import audit_facts, service
from pharmacy.climate import Range
from pharmacy.models import ClimatePoint, ClimateReading, QuarantinedLot, Store
from pharmacy.queries_climate import lots_at, readings
from pharmacy.services.lots import end_hold, hold_lot, locked_lot
from pharmacy.services.stock_checks import active, given_reason, short

COLDEST, HOTTEST = Decimal(-90), Decimal(60)
"""No store is colder or hotter; such a figure is a slip of the pen."""


@service(action="pharmacy.add_climate_point", permission="pharmacy.receive")
def add_climate_point(
    *, store: Store, name: str, device: str, storage: str, limits: Range, actor: Actor
) -> ClimatePoint:
    """Name a place of a store that is measured twice a day, with its thermometer and its range in °C and %.

    Refuses a condition that the store is said not to keep, a name that the store has already, no device, an empty
    range.
    """
    active(store)
    name, device = short(name, 100, "name"), short(device, 100, "device")
    if not name:
        raise Refusal("no_name", "Hãy ghi tên điểm theo dõi", field="name")
    if not device:
        raise Refusal("no_device", "Hãy ghi thiết bị đo (tên, số máy)", field="device")
    if storage and storage not in Storage.values:
        raise Refusal("bad_storage", "Điều kiện bảo quản không có trong danh sách", field="storage")
    if not store.can_keep(storage):
        raise Refusal("not_kept", f"{store.name} không khai báo điều kiện bảo quản này", field="storage")
    if limits.low >= limits.high:
        raise Refusal("bad_range", "Nhiệt độ thấp nhất phải nhỏ hơn cao nhất", field="low")
    lock_name("climate-point", store.pk)
    if ClimatePoint.objects.for_facility(actor.facility).filter(store=store, name=name).exists():
        raise Refusal("already_exists", f"{store.name} đã có điểm theo dõi mang tên này", field="name")
    audit_facts(code=store.code)
    return ClimatePoint.objects.create(
        facility=actor.facility,
        store=store,
        name=name,
        device=device,
        storage=storage,
        low=limits.low,
        high=limits.high,
        humidity_high=limits.humidity_high,
    )


@service(action="pharmacy.end_climate_point", permission="pharmacy.receive")
def end_climate_point(*, point: ClimatePoint, actor: Actor) -> ClimatePoint:
    """Measure a place no longer; its readings stay."""
    point.is_active = False
    point.save(update_fields=["is_active"])
    audit_facts(code=point.store.code)
    return point


@service(action="pharmacy.record_climate", permission="pharmacy.draft")
def record_climate(
    *,
    point: ClimatePoint,
    day: date,
    shift: str,
    temperature: Decimal,
    humidity: Decimal | None,
    action: str,
    is_quarantined: bool,
    actor: Actor,
    at: datetime,
) -> ClimateReading:
    """Record what was measured at a point (ghi nhiệt độ): °C with one decimal, humidity in percent.

    Out of range it needs the action taken; with `is_quarantined` all lots that lie there are held until the head of
    pharmacy decides; whoever may write the log may do so. Refuses a day to come, a shift that is recorded already, a
    humidity that is missing where it has a limit, and figures that no store can have.
    """
    if shift not in ClimateReading.Shift.values:
        raise Refusal("bad_shift", "Hãy chọn sáng hoặc chiều", field="shift")
    if day > local(at).date():
        raise Refusal("future_day", "Chưa đến ngày này", field="day")
    _refuse_odd(point, temperature, humidity)
    action, deviation = short(action, 500, "action"), point.range.deviation(temperature, humidity)
    if deviation and not action:
        raise Refusal("no_action", f"{point.name} {deviation}: hãy ghi xử trí", field="action")
    lock_name("climate", point.pk, day, shift)
    if readings(point.facility).filter(point=point, day=day, shift=shift).exists():
        raise Refusal("already_recorded", f"{point.name}: buổi này đã ghi", field="temperature")
    made = ClimateReading.objects.create(
        facility=actor.facility,
        point=point,
        day=day,
        shift=shift,
        at=at,
        temperature=temperature,
        humidity=humidity,
        deviation=deviation,
        action=action,
        recorded_by=actor.user,
    )
    lots = _quarantine(made, actor, at) if deviation and is_quarantined else 0
    audit_facts(code=point.store.code, is_deviation=bool(deviation), lots=lots)
    return made


@service(action="pharmacy.void_climate", permission="pharmacy.draft")
def void_climate(*, reading: ClimateReading, reason: str, actor: Actor, at: datetime) -> ClimateReading:
    """Take back a reading that was written wrongly, with a reason; it stays in the record and may be written anew.

    Refuses a second time, and a reading because of which lots are in quarantine.
    """
    reason = short(given_reason(reason), 255, "reason")
    rows = ClimateReading.objects.for_facility(actor.facility).select_for_update(no_key=True)
    current: ClimateReading = rows.get(pk=reading.pk)
    if current.voided_at is not None:
        raise Refusal("already_voided", "Lần đo này đã bỏ", field="reason")
    if current.quarantined.exists():
        raise Refusal("has_quarantine", "Lần đo này đã cách ly lô thuốc, không bỏ được", field="reason")
    current.voided_at, current.voided_by, current.void_reason = at, actor.user, reason
    current.save(update_fields=["voided_at", "voided_by", "void_reason"])
    return current


@service(action="pharmacy.decide_quarantine", permission="pharmacy.destroy")
def decide_quarantine(
    *, quarantined: QuarantinedLot, decision: str, reason: str, actor: Actor, at: datetime
) -> QuarantinedLot:
    """Decide as the head of pharmacy what becomes of a quarantined lot, with the grounds (dùng tiếp, hủy).

    "Use on" frees the lot unless something else holds it: a person, or another quarantine; "destroy" leaves it
    blocked, for a document of destruction. Refuses a second decision and no grounds.
    """
    if decision not in QuarantinedLot.Decision.values:
        raise Refusal("bad_decision", "Hãy chọn dùng tiếp hoặc hủy", field="decision")
    reason = given_reason(reason)
    lot = locked_lot(quarantined.lot_id, actor)
    current: QuarantinedLot = QuarantinedLot.objects.for_facility(actor.facility).get(pk=quarantined.pk)
    if current.decision:
        raise Refusal("already_decided", f"Lô {lot.number} đã có quyết định")
    current.decision, current.reason, current.decided_at, current.decided_by = decision, reason, at, actor.user
    current.save(update_fields=["decision", "reason", "decided_at", "decided_by"])
    if decision == QuarantinedLot.Decision.USE:
        end_hold(lot=lot, reason=f"Dùng tiếp sau sai lệch nhiệt độ: {reason}"[:500], actor=actor, at=at)
    audit_facts(lot=lot.number, kind=decision)
    return current


def _quarantine(reading: ClimateReading, actor: Actor, at: datetime) -> int:
    reason = f"{reading.point.name} {reading.deviation}, chờ trưởng khoa Dược quyết định"
    found = sorted(lots_at(reading.point), key=lambda one: one.lot_id)
    for row in found:
        lot = hold_lot(lot=row.lot, reason=reason, actor=actor, at=at)
        QuarantinedLot.objects.create(facility=actor.facility, reading=reading, lot=lot, quantity=row.on_hand)
    return len(found)


def _refuse_odd(point: ClimatePoint, temperature: Decimal, humidity: Decimal | None) -> None:
    if not temperature.is_finite() or not COLDEST <= temperature <= HOTTEST or temperature != round(temperature, 1):
        raise Refusal("odd", "Nhiệt độ từ -90 đến 60 °C, một chữ số lẻ", field="temperature")
    if humidity is None:
        if point.humidity_high is not None:
            raise Refusal("no_humidity", f"{point.name}: hãy ghi độ ẩm", field="humidity")
    elif not humidity.is_finite() or not 0 <= humidity <= 100 or humidity != round(humidity, 1):
        raise Refusal("odd", "Độ ẩm từ 0 đến 100 %, một chữ số lẻ", field="humidity")
