"""What the pharmacy of the hospital watches over: temperatures twice a day with one warm refrigerator, drugs under
special control with their books, a broken ampoule that is reported, and tablets that a patient brings back.

All of it lies in the last days of the month, when nothing else of these kinds is written any more. A catalogue without
cold or controlled drugs leaves out what needs them.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from his.accounts.actor import Actor
from his.accounts.services.staff import update_staff
from his.catalogs.models import Diagnosis, Drug
from his.core.dates import BirthDate, local, month_range, vn_datetime
from his.demo.places import Place
from his.demo.stock import SUPPLIER, WARD
from insurance.billing.closing import close_visit
from patients.models import Exam, Prescription, Visit
from patients.services.exams import save_exam, set_diagnoses, start_exam
from patients.services.people import add_card, register_patient
from patients.services.prescriptions import LineInput, prescribe
from patients.services.signing import sign_exam
from patients.services.visits import open_visit, record_vitals
from pharmacy.climate import SHIFTS, usual_ranges
from pharmacy.handout import Bringer, ReturnedLine
from pharmacy.incidents import RowText
from pharmacy.models import ClimatePoint, ControlledIncident, QuarantinedLot, StockDocument, StockMovement, Store
from pharmacy.services.climate import add_climate_point, decide_quarantine, record_climate
from pharmacy.services.controlled import approve_book, close_book
from pharmacy.services.details import Detail, Member
from pharmacy.services.dispensing import dispense
from pharmacy.services.incidents import dismiss_incident, record_incident_sent, report_incident, sign_incident
from pharmacy.services.returning import return_drugs
from pharmacy.services.stock import GoodsLine, LotLine, destroy, receive_goods, record_loss, transfer
from pharmacy.services.stores import set_storage

_DISEASES = ("F51.0", "G47.0")
_ID = "099172000445"
_NIGHTS, _BACK = 10, Decimal(5)
_HOURS = (time(7, 30), time(15, 30))


def watch(place: Place, counter: Store, month: date) -> Visit | None:
    """Tell what the pharmacy watched; answers the visit of the patient who got a drug under special control, if the
    catalogue has one."""
    main = Store.objects.for_facility(place.facility).get(kind=Store.Kind.MAIN)
    _, end = month_range(month.year, month.month)
    last = end - timedelta(days=1)
    for store in (main, counter):
        set_storage(store=store, keeps=["cold"], actor=place.actor("pharmacist"))
    drugs = _controlled(place, month)
    if drugs:
        _bring_in(place, main, counter, list(drugs.values()), last - timedelta(days=3))
        _break(place, main, list(drugs.values()), last - timedelta(days=2))
    visit = _sleepless(place, counter, drugs["psychotropic"], last) if "psychotropic" in drugs else None
    _sign_books(place, drugs, last)
    _measure(place, main, counter, month, last)
    _decide(place, main, last)
    return visit


def _controlled(place: Place, month: date) -> dict[str, Drug]:
    """The first drug of each class that patients of the hospital get, by class."""
    rows = Drug.objects.for_facility(place.facility).medicines().on(month).order_by("code")
    found: dict[str, Drug] = {}
    for drug in rows.filter(control_class__in=["narcotic", "psychotropic"]):
        found.setdefault(drug.control_class, drug)
    return found


# Temperature


def _measure(place: Place, main: Store, counter: Store, month: date, last: date) -> None:
    """A room and a refrigerator in each store, read twice a day; one refrigerator is warm in the last afternoon."""
    rng, ranges = Random(f"climate:{month:%Y-%m}"), usual_ranges()
    for store, mark in ((main, "01"), (counter, "02")):
        for name, storage in (("Phòng kho", ""), ("Tủ lạnh", "cold")):
            point = add_climate_point(
                store=store,
                name=name,
                device=f"Nhiệt ẩm kế số {mark}" if not storage else f"Nhiệt kế tủ lạnh số {mark}",
                storage=storage,
                limits=ranges[storage],
                actor=place.actor("pharmacist"),
            )
            for days in range((last - month).days + 1):
                _read(place, point, month + timedelta(days=days), rng, is_warm=False)
    fridge = ClimatePoint.objects.for_facility(place.facility).get(store=main, storage="cold")
    _read(place, fridge, last + timedelta(days=1), rng, is_warm=True)


def _read(place: Place, point: ClimatePoint, day: date, rng: Random, *, is_warm: bool) -> None:
    for shift, hour in zip(SHIFTS, _HOURS, strict=True):
        low, high = (30, 75) if point.storage else (220, 285)
        temperature = Decimal("11.4") if is_warm else Decimal(rng.randint(low, high)) / 10
        record_climate(
            point=point,
            day=day,
            shift=shift,
            temperature=temperature,
            humidity=None if point.humidity_high is None else Decimal(rng.randint(52, 72)),
            action="Mất điện trong đêm, chuyển thuốc sang tủ dự phòng" if is_warm else "",
            is_quarantined=is_warm,
            actor=place.actor("keeper"),
            at=vn_datetime(day, hour),
        )
        if is_warm:
            return


def _decide(place: Place, main: Store, last: date) -> None:
    """The head of pharmacy lets the first lot be destroyed; the others wait for the maker's answer."""
    head, on = place.actor("head"), last + timedelta(days=1)
    row = QuarantinedLot.objects.for_facility(place.facility).order_by("pk").select_related("lot").first()
    if row is None:
        return
    grounds = "Quá 8 °C trên 6 giờ, nhà sản xuất không bảo đảm"
    decide_quarantine(quarantined=row, decision="destroy", reason=grounds, actor=head, at=vn_datetime(on, time(10)))
    destroy(
        store=main,
        lines=[LotLine(row.lot, row.quantity)],
        reason="Hỏng do mất điện tủ lạnh",
        detail=Detail(method="Giao đơn vị xử lý chất thải y tế", board=_board(place)),
        actor=head,
        at=vn_datetime(on, time(14)),
    )


# Special control


def _bring_in(place: Place, main: Store, counter: Store, drugs: list[Drug], day: date) -> None:
    keeper, at = place.actor("keeper"), vn_datetime(day, time(8))
    lines = [
        GoodsLine(drug, f"KS{drug.code}", day + timedelta(days=600), Decimal(100), drug.price, vat_rate=Decimal(5))
        for drug in drugs
    ]
    receipt = receive_goods(
        store=main,
        lines=lines,
        supplier=SUPPLIER,
        reference="HD-KS",
        detail=Detail(invoice_number="0000009", funding="purchase", board=_board(place)),
        confirm_unusual=True,
        actor=keeper,
        at=at,
    )
    cabinet = Store.objects.for_facility(place.facility).get(code=f"TT{WARD}")
    for line in receipt.lines.select_related("lot__drug"):
        is_ward = line.lot.drug.control_class == "narcotic"
        transfer(
            store=main,
            target_store=cabinet if is_ward else counter,
            lines=[LotLine(line.lot, Decimal(10) if is_ward else Decimal(60))],
            reason="Cơ số tủ trực" if is_ward else "Cấp phát ngoại trú",
            actor=keeper,
            at=at + timedelta(hours=1),
        )


def _break(place: Place, main: Store, drugs: list[Drug], day: date) -> None:
    """One unit of each breaks: the first is reported within a day, of the others the head says that it is nothing."""
    manager, at = place.actor("manager"), vn_datetime(day, time(10))
    for number, drug in enumerate(drugs):
        lot = main.balances.select_related("lot").get(lot__number=f"KS{drug.code}").lot
        document = record_loss(
            store=main,
            lines=[LotLine(lot, Decimal(1))],
            reason="Rơi vỡ khi kiểm đếm" if number == 0 else "Vỉ bị ẩm khi nhận hàng",
            actor=place.actor("keeper"),
            at=at + timedelta(minutes=10 * number),
        )
        if number == 0:
            _report(place, document, at)
        else:
            dismiss_incident(
                document=document,
                reason="Hỏng vật lý, có biên bản, không thất thoát",
                actor=manager,
                at=at + timedelta(hours=4),
            )


def _report(place: Place, document: StockDocument, at: datetime) -> None:
    head, manager = place.actor("head"), place.actor("manager")
    (line,) = document.lines.all()
    said = RowText("Rơi vỡ khi kiểm đếm trước hai người", "Lập biên bản, giữ vỏ, nhắc quy trình giao nhận")
    incident = report_incident(
        document=document,
        kind=ControlledIncident.Kind.LOSS,
        found_at=at,
        texts={line.pk: said},
        actor=head,
        at=at + timedelta(minutes=40),
    )
    incident = sign_incident(incident=incident, actor=manager, at=at + timedelta(hours=3))
    sent_at = at + timedelta(hours=22)
    record_incident_sent(
        incident=incident, sent_no="45/BVVD-KD", sent_to="Sở Y tế tỉnh Ví Dụ", sent_at=sent_at, actor=head, at=sent_at
    )


def _sign_books(place: Place, drugs: dict[str, Drug], last: date) -> None:
    """The days on which a book moved are closed and signed in the evening; the last one waits for the head."""
    head, manager = place.actor("head"), place.actor("manager")
    for control_class, drug in drugs.items():
        moved = StockMovement.objects.for_facility(place.facility).filter(lot__drug__code=drug.code)
        days = {(one.store, local(one.at).date()) for one in moved.select_related("store")}
        for store, day in sorted(days, key=lambda one: (one[1], one[0].code)):
            evening = vn_datetime(day, time(19))
            page = close_book(store=store, control_class=control_class, day=day, actor=head, at=evening)
            if day != last:
                approve_book(page=page, actor=manager, at=evening + timedelta(minutes=30))


# The patient


def _sleepless(place: Place, counter: Store, drug: Drug, day: date) -> Visit | None:
    """Somebody who sleeps badly gets a psychotropic for ten nights and gives half of it back when told to try less.

    The fund pays all of it, so that no drawer is needed; None where the catalogue lacks the disease.
    """
    disease = Diagnosis.objects.on(day).filter(code__in=_DISEASES).order_by("code").first()
    if disease is None:
        return None
    pharmacist, at = place.actor("pharmacist"), vn_datetime(day, time(16, 30))
    visit = _arrived(place, day, at)
    prescription = _prescribed(place, visit, disease, drug, at + timedelta(minutes=10))
    given = dispense(
        prescription=prescription,
        store=counter,
        witness=place.users["nurse"],
        recipient_name=visit.patient.full_name,
        recipient_id_number=_ID,
        actor=pharmacist,
        at=at + timedelta(minutes=30),
    )
    back = [ReturnedLine(line.pk, _BACK, is_intact=False, condition="Nguyên vỉ, còn hạn") for line in given.lines.all()]
    return_drugs(
        dispense=given,
        lines=back,
        reason="Người bệnh chỉ dùng thử năm đêm đầu",
        bringer=Bringer(visit.patient.full_name, _ID),
        actor=pharmacist,
        at=at + timedelta(minutes=40),
    )
    close_visit(visit=visit, actor=place.actor("cashier"), at=at + timedelta(minutes=50), extra_told=True)
    visit.refresh_from_db()
    return visit


def _arrived(place: Place, day: date, at: datetime) -> Visit:
    reception = place.actor("reception")
    patient = register_patient(
        full_name="Ngô Thị Thức",
        birth=BirthDate(date(1972, 3, 14), "day"),
        sex="2",
        citizen_id=_ID,
        phone="0900044501",
        address="Thôn Mẫu, xã Thí Dụ, tỉnh Ví Dụ",
        province_code="99",
        commune_code="99001",
        ethnicity_code="01",
        occupation_code="81",
        actor=reception,
        at=at,
    )
    card = add_card(
        patient=patient,
        number="HN2999900000445",
        registered_facility_code=place.facility.code,
        valid_from=date(day.year, 1, 1),
        valid_to=date(day.year, 12, 31),
        actor=reception,
        at=at,
    )
    visit = open_visit(
        patient=patient,
        card=card,
        room=place.rooms["PK1"],
        route="registered",
        reason="Mất ngủ kéo dài",
        confirm_second=True,
        actor=reception,
        at=at,
    )
    record_vitals(
        visit=visit,
        pulse=78,
        systolic=124,
        diastolic=76,
        temperature=Decimal("36.7"),
        weight_kg=Decimal("52.5"),
        actor=place.actor("nurse"),
        at=at + timedelta(minutes=4),
    )
    return visit


def _prescribed(place: Place, visit: Visit, disease: Diagnosis, drug: Drug, at: datetime) -> Prescription:
    """The signed prescription; its doctor was authorised for drugs under special control."""
    doctor = _authorised(place)
    exam = start_exam(visit=visit, actor=doctor, at=at)
    save_exam(
        exam=exam,
        history="Khó vào giấc, thức giấc sớm ba tuần nay, không dùng chất kích thích",
        findings="Tỉnh, tiếp xúc tốt, không run tay, tim đều, phổi trong",
        treatment="An thần ngắn ngày, vệ sinh giấc ngủ",
        advice="Không lái xe sau uống thuốc, không uống rượu, khám lại sau 10 ngày",
        actor=doctor,
        at=at + timedelta(minutes=2),
    )
    set_diagnoses(exam=exam, main=disease.code, actor=doctor, at=at + timedelta(minutes=3))
    line = LineInput(drug=drug, evening=Decimal(1), days=_NIGHTS, usage="Uống trước khi ngủ")
    prescription = prescribe(exam=exam, lines=[line], actor=doctor, at=at + timedelta(minutes=5))
    sign_exam(exam=exam, outcome=Exam.Outcome.HOME, actor=doctor, at=at + timedelta(minutes=8))
    prescription.refresh_from_db()
    return prescription


def _authorised(place: Place) -> Actor:
    person = place.staff["doctor"]
    update_staff(
        staff=person,
        full_name=person.full_name,
        department=person.department,
        title=person.title,
        licence_no=person.licence_no,
        licence_issued_on=person.licence_issued_on,
        working_scope=person.working_scope,
        is_head=person.is_head,
        prescribes_controlled=True,
        actor=place.actor("admin"),
        at=vn_datetime(person.valid_from, time(8)),
    )
    return place.actor("doctor")


def _board(place: Place) -> tuple[Member, ...]:
    return (
        Member(place.actor("head").user.display_name, "Trưởng khoa Dược"),
        Member(place.actor("keeper").user.display_name, "Thủ kho"),
    )
