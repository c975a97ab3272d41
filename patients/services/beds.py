"""Ward stays (buồng bệnh): admit to a ward, move, leave, undo the last step.

Locks the visit's row first, then the bed (docs/locking.md). A step that is given what its screen showed
(`BedStay.seen`) refuses with `already_changed` when the stay is another or stands in another way by then. `at` is when
it happened and becomes the time of the stay: bed days and the claim (NGAY_VAO_NOI_TRU, NGAY_YL and NGAY_KQ of bed
lines) follow from it.
"""

import re
from datetime import datetime, timedelta

from django.db.models import Q

from his.accounts.actor import Actor
from his.accounts.models import Department, Facility
from his.catalogs.models import PricedService
from his.core.dates import local
from his.core.errors import Refusal
from his.core.text import fitting, nfc
from his.locks import lock_name
from his.service import audit_facts, service
from patients.models import BedStay, Visit
from patients.models.beds import SHARES
from patients.queries_beds import standing_stays
from patients.services.exams import refuse_finished
from patients.wards import BED_GROUPS, DAY_TREATMENT, INPATIENT, SHORT_STAY, SHORT_STAY_HOURS, admissions, department_of

_BED_CODE = re.compile(r"^[HTCK][0-9]{3}$")


@service(action="patients.admit_to_ward", permission="patients.ward")
def admit_to_ward(
    *,
    visit: Visit,
    department: Department,
    bed_code: str,
    service_code: str,
    actor: Actor,
    at: datetime,
    visit_type: str = INPATIENT,
    medical_service_code: str = "",
    patients_in_bed: int = 1,
    is_stretcher: bool = False,
) -> BedStay:
    """Admit the person of a visit to a bed of a ward (vào khoa, nhận giường).

    Afterwards the person lies there from `at` on, the visit is of `visit_type` and belongs to the department. Refuses a
    visit that no doctor is examining (what was signed has an outcome already), a type that the facility does not admit
    to, a person who lies somewhere or, but for day treatment, has left the ward, a bed of somebody else unless it is
    shared and everybody in it says so, a bed day that the price list lacks, that is of another kind or another
    department, and a time before the arrival.
    """
    visit = _locked(visit)
    _refuse_state(visit)
    if visit_type not in dict(admissions(is_hospital=actor.facility.kind == Facility.Kind.DISTRICT_HOSPITAL)):
        raise Refusal("visit_type", "Cơ sở không nhận điều trị theo loại hình này", field="visit_type")
    if at < visit.arrived_at:
        raise Refusal("before_arrival", "Giờ vào khoa trước giờ đến khám", field="at")
    stays = _standing(visit)
    if stays and (last := stays[-1]).ended_at is None:
        raise Refusal("already_in_bed", f"Người bệnh đang nằm giường {last.bed_code}, {last.department.name}")
    if stays and visit_type != DAY_TREATMENT:
        raise Refusal("already_left", "Người bệnh đã ra khoa; ghi nhầm thì hủy bước ra khoa")
    new = _begun(visit, department, bed_code, service_code, medical_service_code, actor, at)
    new.patients_in_bed, new.is_stretcher, new.former_visit_type = patients_in_bed, is_stretcher, visit.visit_type
    _refuse_bed(new, visit_type)
    _refuse_others_in_bed(new)
    _refuse_other_stays(new)
    new.save()
    visit.visit_type, visit.department = visit_type, department
    visit.save(update_fields=["visit_type", "department"])
    audit_facts(claim_code=visit.claim_code, visit_type=visit_type, **_told(new))
    return new


@service(action="patients.move_bed", permission="patients.ward")
def move_bed(
    *,
    stay: BedStay,
    department: Department,
    bed_code: str,
    service_code: str,
    actor: Actor,
    at: datetime,
    medical_service_code: str = "",
    patients_in_bed: int = 1,
    is_stretcher: bool = False,
    seen: str | None = None,
) -> BedStay:
    """Go on lying in another way from `at` on: another bed, ward, bed day, or another number of people in the bed.

    Afterwards the former stay ended at `at` and the new one began then; the visit belongs to the new department.
    Refuses when nothing changes, when the person does not lie in that bed any more, and what `admit_to_ward` refuses.
    """
    visit = _locked(stay.visit)
    stay = _open(stay, seen)
    new = _begun(visit, department, bed_code, service_code, medical_service_code, actor, at)
    new.patients_in_bed, new.is_stretcher = patients_in_bed, is_stretcher
    if _told(new) == _told(stay):
        raise Refusal("nothing_changed", "Chưa đổi khoa, giường, ngày giường hay số người nằm")
    _refuse_bed(new, visit.visit_type)
    _refuse_others_in_bed(new, stay)
    _end(stay, actor, at)
    new.save()
    visit.department = department
    visit.save(update_fields=["department"])
    audit_facts(claim_code=visit.claim_code, **_told(new))
    return new


@service(action="patients.leave_ward", permission="patients.ward")
def leave_ward(*, stay: BedStay, actor: Actor, at: datetime, seen: str | None = None) -> BedStay:
    """End the stay in the ward (ra khoa): the person goes home, elsewhere, or has died.

    Afterwards nobody of the visit lies in a bed; a visit that was signed before ends at `at`. An inpatient stay of four
    hours or less makes the visit one of type 09, a longer one of type 03. Refuses a time that is not after the
    beginning of the stay, and day treatment that ends on another day.
    """
    visit = _locked(stay.visit)
    stay = _open(stay, seen)
    if visit.visit_type == DAY_TREATMENT and local(at).date() != local(stay.started_at).date():
        message = "Nội trú ban ngày ra khoa trong ngày; nằm qua đêm là nội trú"
        raise Refusal("day_treatment", message, field="at")
    _end(stay, actor, at)
    if visit.visit_type in {INPATIENT, SHORT_STAY}:
        is_short = at - _standing(visit)[0].started_at <= timedelta(hours=SHORT_STAY_HOURS)
        visit.visit_type = SHORT_STAY if is_short else INPATIENT
    visit.ended_at = end_of(visit)
    visit.save(update_fields=["visit_type", "ended_at"])
    audit_facts(claim_code=visit.claim_code, visit_type=visit.visit_type, bed=stay.bed_code)
    return stay


@service(action="patients.undo_bed_step", permission="patients.ward")
def undo_bed_step(*, stay: BedStay, reason: str, actor: Actor, at: datetime, seen: str | None = None) -> BedStay:
    """Take back the last thing that was written of the beds of a visit (ghi nhầm).

    Who has left lies in the last bed again; a move or an admission is void, keeps its row with the reason, and the
    former bed goes on. The end of a visit that was signed becomes that of its last signature again. Refuses without a
    reason, a stay that is not the last one, and one that cannot go on: the person lies elsewhere by now, or somebody
    else in that bed.
    """
    why = fitting(nfc(reason), 500, "reason")
    if not why:
        raise Refusal("no_reason", "Hãy ghi lý do hủy bước", field="reason")
    visit = _locked(stay.visit)
    refuse_finished(visit)
    stays = _standing(visit)
    if not stays or stays[-1].pk != stay.pk:
        raise Refusal("already_changed", "Không phải bước cuối cùng, hãy tải lại trang")
    _refuse_unseen(stays[-1], seen)
    last = stays[-1]
    if last.ended_at is not None:
        _reopen(last)
        if visit.visit_type == SHORT_STAY:
            visit.visit_type = INPATIENT
        step = "leave"
    else:
        last.voided_at, last.voided_by, last.void_reason = at, actor.user, why
        last.save(update_fields=["voided_at", "voided_by", "void_reason"])
        step = _undo_beginning(visit, last, stays[:-1])
    visit.ended_at = end_of(visit)
    visit.save(update_fields=["visit_type", "ended_at", "department"])
    audit_facts(claim_code=visit.claim_code, step=step, bed=last.bed_code, reason=why)
    return last


def end_of(visit: Visit) -> datetime | None:
    """When a visit whose exams are signed ended: with leaving the ward, whenever the doctor signs, else with the last
    signature; an exam that began after the ward ends it with its own.

    While somebody lies in a bed it is the last signature. None while the visit goes on; its beds and exams are read as
    they stand.
    """
    if visit.ended_at is None:
        return None
    exams = [exam for exam in visit.exams.all() if exam.signed_at is not None]
    stays = _standing(visit)
    if stays and all(stay.ended_at is not None for stay in stays):
        left = max(stay.ended_at for stay in stays if stay.ended_at is not None)
        return max([left, *(exam.signed_at for exam in exams if exam.signed_at and exam.started_at >= left)])
    return max((exam.signed_at for exam in exams if exam.signed_at), default=visit.ended_at)


def _undo_beginning(visit: Visit, voided: BedStay, former: list[BedStay]) -> str:
    """The former bed goes on; before an admission the visit was of another type, in the department of its room."""
    if voided.former_visit_type:
        visit.visit_type = voided.former_visit_type
        visit.department = former[-1].department if former else visit.room.department
        return "admission"
    _reopen(former[-1])
    visit.department = former[-1].department
    return "move"


def _reopen(stay: BedStay) -> None:
    """The stay goes on; refuses when the person or somebody else took a bed meanwhile that does not go with it."""
    _refuse_other_stays(stay, field="")
    _refuse_others_in_bed(stay)
    stay.ended_at, stay.ended_by = None, None
    stay.save(update_fields=["ended_at", "ended_by"])


def _locked(visit: Visit) -> Visit:
    rows = Visit.objects.select_for_update(of=("self",)).select_related("room__department")
    return rows.get(pk=visit.pk)


def _standing(visit: Visit) -> list[BedStay]:
    return list(standing_stays(visit.facility_id, [visit.pk]).select_related("department", "visit"))


def _refuse_unseen(stay: BedStay, seen: str | None) -> None:
    """A second send of a step finds the stay changed by the first."""
    if seen is not None and seen != stay.seen:
        message = "Giường của người bệnh vừa thay đổi: hãy xem lại, nếu vẫn cần thì ghi lần nữa"
        raise Refusal("already_changed", message)


def _open(stay: BedStay, seen: str | None) -> BedStay:
    """The stay, read again under the lock of its visit."""
    stay = BedStay.objects.select_related("department", "visit").get(pk=stay.pk)
    refuse_finished(stay.visit)
    _refuse_unseen(stay, seen)
    if stay.voided_at is not None or stay.ended_at is not None:
        raise Refusal("already_changed", "Người bệnh không còn nằm giường này, hãy tải lại trang")
    return stay


def _begun(
    visit: Visit, department: Department, bed: str, service_code: str, medical: str, actor: Actor, at: datetime
) -> BedStay:
    """A stay that begins, from what was typed; not stored yet."""
    return BedStay(
        facility=actor.facility,
        visit=visit,
        department=department,
        bed_code=_bed_code(bed),
        service_code=service_code.strip(),
        medical_service_code=medical.strip(),
        started_at=at,
        started_by=actor.user,
    )


def _end(stay: BedStay, actor: Actor, at: datetime) -> None:
    if at <= stay.started_at:
        message = f"Giờ phải sau lúc nhận giường này ({local(stay.started_at):%H:%M %d/%m/%Y})"
        raise Refusal("before_stay", message, field="at")
    stay.ended_at, stay.ended_by = at, actor.user
    stay.save(update_fields=["ended_at", "ended_by"])


def _bed_code(typed: str) -> str:
    code = typed.strip().upper()
    if not _BED_CODE.match(code):
        message = "Mã giường gồm H (kế hoạch), T (kê thêm), C (theo yêu cầu) hoặc K (khác) và 3 chữ số, như H001"
        raise Refusal("bed_code", message, field="bed_code")
    return code


def _told(stay: BedStay) -> dict[str, str | int | bool]:
    """What tells one way of lying from another, for the audit entry and for seeing a change."""
    return {
        "department": stay.department.code,
        "bed": stay.bed_code,
        "service": stay.service_code,
        "medical_service": stay.medical_service_code,
        "patients_in_bed": stay.patients_in_bed,
        "stretcher": stay.is_stretcher,
    }


def _refuse_state(visit: Visit) -> None:
    refuse_finished(visit)
    if visit.state == Visit.State.OPEN:
        raise Refusal("not_examined", "Bác sĩ chưa khám: nhận vào khoa từ lượt đang khám")
    if visit.state == Visit.State.EXAMINED:
        message = "Bác sĩ đã ký kết thúc khám; chuyển người bệnh sang phòng khám của khoa rồi nhận vào khoa"
        raise Refusal("already_signed", message)


def _refuse_bed(stay: BedStay, visit_type: str) -> None:
    if not stay.department.is_active:
        raise Refusal("department", "Khoa đã ngừng hoạt động", field="department")
    if stay.patients_in_bed not in (1, 2, 3):
        raise Refusal("patients_in_bed", "Số người nằm một giường: 1, 2 hoặc 3 (3 trở lên)", field="patients_in_bed")
    if stay.is_stretcher and not stay.bed_code.startswith("K"):
        raise Refusal("stretcher", "Băng ca, giường gấp có mã giường bắt đầu bằng K", field="bed_code")
    _refuse_service(stay, stay.service_code, visit_type, "service_code")
    if stay.medical_service_code:
        _refuse_service(stay, stay.medical_service_code, visit_type, "medical_service_code")


def _refuse_others_in_bed(stay: BedStay, former: BedStay | None = None) -> None:
    """Who lies in the bed from then on: everybody's stay says how many they are, or the same days are paid twice.

    Holds the bed until the end of the transaction. Whoever stays in the bed of `former` and changes the number is held
    against how many lie there, not against what the others still say: they are changed one after the other.
    """
    lock_name("bed", stay.department_id, stay.bed_code)
    others = BedStay.objects.for_facility(stay.facility).filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=stay.started_at),
        department_id=stay.department_id,
        bed_code=stay.bed_code,
        voided_at__isnull=True,
    )
    found = list(others.exclude(visit_id=stay.visit_id).select_related("visit__patient").order_by("started_at", "pk"))
    if not found:
        return
    other = found[0]
    who, when = other.visit.patient.full_name, f"{local(other.started_at):%H:%M %d/%m/%Y}"
    if stay.patients_in_bed == 1:
        message = f"Giường {stay.bed_code} có {who} nằm (từ {when}): chọn số người nằm ghép hoặc giường khác"
        raise Refusal("bed_taken", message, field="patients_in_bed")
    people = min(3, 1 + sum(one.ended_at is None for one in found))
    if stay.patients_in_bed < people:
        message = f"Giường {stay.bed_code} có {who} và người khác nằm: chọn {SHARES[people - 1][1]}"
        raise Refusal("bed_share", message, field="patients_in_bed")
    if former is not None and (former.department_id, former.bed_code) == (stay.department_id, stay.bed_code):
        return
    other = next((one for one in found if one.patients_in_bed != stay.patients_in_bed), other)
    if other.patients_in_bed != stay.patients_in_bed:
        who, when = other.visit.patient.full_name, f"{local(other.started_at):%H:%M %d/%m/%Y}"
        message = (
            f"{who} nằm giường {stay.bed_code} từ {when} đang ghi {other.get_patients_in_bed_display()}: trước hết mở "
            f"người đó và ghi chuyển thành {stay.get_patients_in_bed_display()} từ lúc bắt đầu nằm ghép"
        )
        raise Refusal("bed_share", message, field="patients_in_bed")


def _refuse_service(stay: BedStay, code: str, visit_type: str, field: str) -> None:
    day = local(stay.started_at).date()
    row = PricedService.objects.for_facility(stay.facility).on(day).filter(code=code).first()
    if row is None:
        raise Refusal("price_missing", f"Bảng giá ngày {day:%d/%m/%Y} không có ngày giường này", field=field)
    if row.group_code != BED_GROUPS.get(visit_type):
        message = f"{row.name} không phải ngày giường của loại hình điều trị này"
        raise Refusal("bed_group", message, field=field)
    named = department_of(code)
    if named and not stay.department.code.startswith(named):
        raise Refusal("bed_department", f"Ngày giường {code} là của khoa {named}", field=field)


def _refuse_other_stays(new: BedStay, field: str = "at") -> None:
    """Said here; the database would refuse it too."""
    lying = BedStay.objects.for_facility(new.facility).filter(patient_id=new.visit.patient_id, voided_at__isnull=True)
    later = lying.exclude(ended_at__lte=new.started_at).exclude(pk=new.pk).select_related("visit").first()
    if later is not None:
        when = f"{local(later.started_at):%H:%M %d/%m/%Y}"
        message = f"Người bệnh nằm giường {later.bed_code} từ {when} (lượt {later.visit.claim_code})"
        raise Refusal("already_in_bed", message, field=field)
