"""People and their cards (người bệnh, thẻ BHYT): register, correct, add a card.

Texts are stored composed (NFC) and otherwise exactly as typed. Numbers of papers are checked for shape only:
whether a card is good is asked of the insurer's portal, not guessed here.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from his.accounts.actor import Actor
from his.catalogs.models import Sex
from his.core.codes import (
    CITIZEN_ID,
    COMMUNE_CODE,
    FACILITY_CODE,
    OLD_ID,
    PHONE,
    PROVINCE_CODE,
    SOCIAL_INSURANCE_NO,
    clean_code,
    identity_kind,
    is_card_number,
)
from his.core.dates import BirthDate, local
from his.core.errors import Refusal
from his.core.text import fitting, fold, given_name_key, initials, nfc
from his.service import audit_facts, service
from patients.models import InsuranceCard, Patient, Source
from patients.services.counters import next_number

_TEXTS = frozenset({"full_name", "address", "guardian_name", "allergies", "blood_group"})
_CODES = frozenset({"province_code", "commune_code", "nationality_code", "ethnicity_code", "occupation_code"})
_NUMBERS = frozenset({"old_id_number", "social_insurance_no"})
_PHONES = frozenset({"phone", "guardian_phone"})
_CHANGEABLE = _TEXTS | _CODES | _NUMBERS | _PHONES | {"citizen_id", "birth", "sex", "source"}

_CODE = re.compile(r"^[0-9A-Z]+$")
VIETNAMESE = "000"
"""MA_QUOCTICH of a citizen of Vietnam."""
_BREAKS = re.compile(r"[\s.\-()]+")

_SHAPES = {
    "old_id_number": (lambda text: bool(OLD_ID.match(text) or CITIZEN_ID.match(text)), "Số CMND phải có 9 chữ số"),
    "social_insurance_no": (lambda text: bool(SOCIAL_INSURANCE_NO.match(text)), "Mã số BHXH phải có 10 chữ số"),
}


@service(action="patients.register", permission="patients.register")
def register_patient(
    *,
    full_name: str,
    birth: BirthDate,
    sex: str,
    actor: Actor,
    at: datetime,
    citizen_id: str = "",
    old_id_number: str = "",
    social_insurance_no: str = "",
    phone: str = "",
    address: str = "",
    province_code: str = "",
    commune_code: str = "",
    nationality_code: str = "000",
    ethnicity_code: str = "01",
    occupation_code: str = "00",
    blood_group: str = "",
    guardian_name: str = "",
    guardian_phone: str = "",
    allergies: str = "",
    source: str = Source.TYPED,
) -> Patient:
    """Register a person at the facility (đăng ký người bệnh); the patient code is `<facility>.<6 digits>`.

    `citizen_id` is the number of the citizen card, passport or foreign paper. Province and commune (2 and 5 digits,
    the two-level list of 2025) go together. Refuses an empty name, a birth date after `at`, an unknown sex, numbers
    of the wrong shape, texts that are too long, and a citizen number that another patient of the facility has.
    """
    facts = {
        "full_name": full_name,
        "birth": birth,
        "sex": sex,
        "citizen_id": citizen_id,
        "old_id_number": old_id_number,
        "social_insurance_no": social_insurance_no,
        "phone": phone,
        "address": address,
        "province_code": province_code,
        "commune_code": commune_code,
        "nationality_code": nationality_code,
        "ethnicity_code": ethnicity_code,
        "occupation_code": occupation_code,
        "blood_group": blood_group,
        "guardian_name": guardian_name,
        "guardian_phone": guardian_phone,
        "allergies": allergies,
        "source": source,
    }
    patient = Patient(facility=actor.facility, registered_at=at, registered_by=actor.user)
    _fill(patient, facts, on=local(at).date())
    _refuse_taken_citizen_id(patient)
    number = next_number(facility=actor.facility, series="patient")
    patient.code = f"{actor.facility.code}.{number:06d}"
    patient.save(force_insert=True)
    return patient


@service(action="patients.update", permission="patients.register")
def update_patient(*, patient: Patient, actor: Actor, at: datetime, **changes: Any) -> Patient:
    """Correct facts about a person; names and refusals as in `register_patient`, what is not named stays.

    The audit entry names the changed fields, not their values.
    """
    if unknown := set(changes) - _CHANGEABLE:
        raise TypeError(f"a patient has no {', '.join(sorted(unknown))} to change")
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    _fill(patient, changes, on=local(at).date())
    _refuse_taken_citizen_id(patient)
    patient.save()
    audit_facts(fields=",".join(sorted(changes)))
    return patient


@service(action="patients.add_card", permission="patients.register")
def add_card(
    *,
    patient: Patient,
    number: str,
    registered_facility_code: str,
    valid_from: date,
    valid_to: date | None,
    actor: Actor,
    at: datetime,
    registered_facility_name: str = "",
    area_code: str = "",
    five_years_from: date | None = None,
    copay_exempt_from: date | None = None,
    issued_on: date | None = None,
    source: str = Source.TYPED,
) -> InsuranceCard:
    """Add a card to the person's history (thẻ BHYT). The same number and first day again: the stored card.

    A repeated card takes over what was still unknown of it, nothing else. The person's social-insurance number, the
    last ten digits of the card number, is kept when none was known. Refuses a number of the wrong shape, a wrong
    facility code, a last day before the first, and a card that another person here holds in the same period.
    """
    number = clean_code(number)
    if not is_card_number(number):
        message = "Mã thẻ BHYT có 15 ký tự: 2 chữ, 1 số từ 1 đến 5, rồi 12 chữ số"
        raise Refusal("card_number", f"{message} (đang có {len(number)} ký tự)", field="number")
    if not FACILITY_CODE.match(registered_facility_code.strip()):
        message = "Nơi đăng ký KCB ban đầu là mã 5 chữ số"
        raise Refusal("facility_code", message, field="registered_facility_code")
    if valid_to is not None and valid_to < valid_from:
        raise Refusal("period", "Ngày hết hạn trước ngày bắt đầu của thẻ", field="valid_to")
    facts = {
        "registered_facility_code": registered_facility_code.strip(),
        "registered_facility_name": _text(InsuranceCard, "registered_facility_name", registered_facility_name),
        "valid_to": valid_to,
        "area_code": _area(area_code),
        "five_years_from": five_years_from,
        "copay_exempt_from": copay_exempt_from,
        "issued_on": issued_on,
    }
    # The row of the person is the lock for their cards.
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    known = patient.cards.filter(number=number, valid_from=valid_from).first()
    if known is not None:
        return _completed(known, facts)
    _refuse_card_of_another(patient, number, valid_from, valid_to)
    if not patient.social_insurance_no and SOCIAL_INSURANCE_NO.match(number[5:]):
        Patient.objects.filter(pk=patient.pk).update(social_insurance_no=number[5:])
    return InsuranceCard.objects.create(
        facility=actor.facility,
        patient=patient,
        number=number,
        valid_from=valid_from,
        source=Source(source),
        recorded_at=at,
        recorded_by=actor.user,
        **facts,
    )


def _fill(patient: Patient, facts: Mapping[str, Any], *, on: date) -> None:
    """Put checked facts on the row, without saving it."""
    for name, value in facts.items():
        if name == "birth":
            _set_birth(patient, value, on)
        elif name == "sex":
            patient.sex = _choice(Sex.values, value, "sex", "Hãy chọn giới tính")
        elif name == "source":
            patient.source = Source(value)
        elif name == "citizen_id":
            continue  # its shape depends on the nationality
        else:
            setattr(patient, name, _checked(name, value))
    if "full_name" in facts:
        _set_name_keys(patient)
    if "citizen_id" in facts:
        patient.citizen_id = _identity(facts["citizen_id"], patient.nationality_code)
    if {"province_code", "commune_code"} & set(facts):
        _refuse_home(patient)


def _identity(value: str, nationality_code: str) -> str:
    number = _BREAKS.sub("", value).upper()
    if number and not identity_kind(number, is_foreigner=nationality_code != VIETNAMESE):
        message = "Số định danh có 12 chữ số; hộ chiếu gồm 1 chữ và 7 hoặc 8 số; giấy tờ nước ngoài tối đa 15 chữ, số"
        raise Refusal("number_shape", f"{message} (đang có {len(number)} ký tự)", field="citizen_id")
    return number


def _refuse_home(patient: Patient) -> None:
    province, commune = patient.province_code, patient.commune_code
    if not province and not commune:
        return
    if not COMMUNE_CODE.match(commune) or not PROVINCE_CODE.match(province):
        message = "Nơi ở cần mã tỉnh 2 chữ số và mã xã 5 chữ số"
        raise Refusal("residence_codes", message, field="commune")


def _checked(name: str, value: str) -> str:
    if name in _TEXTS:
        return _text(Patient, name, value)
    if name in _PHONES:
        return _phone(name, value)
    if name in _CODES:
        code = clean_code(value)
        if code and not _CODE.match(code):
            raise Refusal("code", "Mã chỉ gồm chữ và số", field=name)
        return _text(Patient, name, code)
    number = _BREAKS.sub("", value)
    fits, message = _SHAPES[name]
    if number and not fits(number):
        raise Refusal("number_shape", f"{message} (đang có {len(number)} ký tự)", field=name)
    return number


def _set_birth(patient: Patient, birth: BirthDate, on: date) -> None:
    if birth.value > on:
        raise Refusal("future_birth", "Ngày sinh ở tương lai", field="birth")
    if on.year - birth.value.year > 130:
        raise Refusal("birth_too_old", "Ngày sinh quá xa, hãy kiểm tra lại", field="birth")
    patient.born_on, patient.birth_precision = birth.value, birth.precision


def _set_name_keys(patient: Patient) -> None:
    name = patient.full_name
    if not any(char.isalpha() for char in name):
        raise Refusal("no_name", "Hãy ghi họ và tên", field="full_name")
    patient.search_name = fold(name)[:300]
    patient.sort_name = given_name_key(name)[:300]
    patient.initials = initials(name)[:20]


def _text(model: type[Patient] | type[InsuranceCard], name: str, value: str) -> str:
    limit = getattr(model._meta.get_field(name), "max_length", None) or 0
    return fitting(nfc(value), limit, name)


def _phone(name: str, value: str) -> str:
    number = _BREAKS.sub("", value)
    number = "0" + number[3:] if number.startswith("+84") else number
    if number and not PHONE.match(number):
        raise Refusal("phone", "Số điện thoại bắt đầu bằng 0, có 10 hoặc 11 chữ số", field=name)
    return number


def _choice(values: list[str], value: str, field: str, message_vi: str) -> str:
    if value not in values:
        raise Refusal("choice", message_vi, field=field)
    return value


def _area(code: str) -> str:
    clean = clean_code(code)
    return _choice(["", "K1", "K2", "K3"], clean, "area_code", "Mã khu vực là K1, K2 hoặc K3")


def _refuse_taken_citizen_id(patient: Patient) -> None:
    if not patient.citizen_id:
        return
    same = (
        Patient.objects.for_facility(patient.facility_id).filter(citizen_id=patient.citizen_id).exclude(pk=patient.pk)
    )
    if other := same.first():
        message = f"Số định danh này là của người bệnh {other.code} {other.full_name}"
        raise Refusal("already_known", message, field="citizen_id", patient_id=other.pk)


def _refuse_card_of_another(patient: Patient, number: str, valid_from: date, valid_to: date | None) -> None:
    others = InsuranceCard.objects.for_facility(patient.facility_id).filter(number=number).exclude(patient=patient)
    for card in others.select_related("patient"):
        if (card.valid_to is None or card.valid_to >= valid_from) and (valid_to is None or valid_to >= card.valid_from):
            message = f"Thẻ này đang là của người bệnh {card.patient.code} {card.patient.full_name}"
            raise Refusal("already_known", message, field="number", patient_id=card.patient_id)


def _completed(card: InsuranceCard, facts: Mapping[str, Any]) -> InsuranceCard:
    unknown = [name for name, value in facts.items() if value and not getattr(card, name)]
    for name in unknown:
        setattr(card, name, facts[name])
    if unknown:
        card.save(update_fields=unknown)
        audit_facts(completed=",".join(unknown))
    return card
