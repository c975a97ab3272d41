"""What a person typed: a number of any kind, or a name."""

import re

from his.core.codes import CITIZEN_ID, OLD_ID, SOCIAL_INSURANCE_NO, identity_kind, is_card_number
from patients.scan.cards import CARD_LIKE, card_numbers
from patients.scan.facts import Scan, unsupported
from patients.sheets import read_code

_NAME_MAX = 100
_CARD_TYPED = re.compile(r"^[A-Z]{2}[A-Z0-9]?\d{8,16}$", re.ASCII)
_CLAIM_CODE = re.compile(r"^\d{5}\.\d{4}\.\d{6,}$", re.ASCII)
_PATIENT_CODE = re.compile(r"^\d{5}\.\d{6,}$", re.ASCII)
_PHONE = re.compile(r"^(0[35789]\d{8}|02\d{9})$", re.ASCII)
_SEPARATORS = re.compile(r"[\s.\-()]+")


def typed(text: str) -> Scan:
    """The kind of the number, or a name."""
    if _CLAIM_CODE.match(text):
        return Scan("claim_code", claim_code=text)
    if code := read_code(text):
        return Scan("prescription_code", prescription_code=code)
    if _PATIENT_CODE.match(text):
        return Scan("patient_code", patient_code=text)
    compact = _SEPARATORS.sub("", text).upper()
    if re.fullmatch(r"\+?[0-9]+", compact):
        return _digits("0" + compact[3:] if compact.startswith("+84") else compact)
    if is_card_number(compact):
        return Scan("card_number", card_number=compact, social_insurance_no=card_numbers(compact, [])[1])
    if _CARD_TYPED.match(compact) or (CARD_LIKE.match(compact) and any(char.isdigit() for char in compact)):
        rule = "2 chữ, 1 số từ 1 đến 5, rồi 12 chữ số"
        return unsupported(f"Mã thẻ BHYT không đúng: cần 15 ký tự ({rule}), đang có {len(compact)} ký tự")
    if not compact.isdigit() and identity_kind(compact) and " " not in text:
        return Scan("passport", citizen_id=compact)
    if _is_name(text):
        return Scan("name", full_name=text)
    return unsupported("Mã này phần mềm không đọc được; hãy quét căn cước, thẻ BHYT hoặc gõ số, họ tên")


def _digits(number: str) -> Scan:
    if CITIZEN_ID.match(number):
        return Scan("citizen_id", citizen_id=number)
    if _PHONE.match(number):
        return Scan("phone", phone=number)
    if SOCIAL_INSURANCE_NO.match(number):
        return Scan("social_insurance_no", social_insurance_no=number)
    if OLD_ID.match(number):
        return Scan("old_id", old_id_number=number)
    return unsupported(f"Số có {len(number)} chữ số: căn cước 12, mã BHXH hoặc điện thoại 10, CMND 9 chữ số")


def _is_name(text: str) -> bool:
    """Words of letters, as names are; no address of a page, no token of a machine."""
    words = text.split()
    return (
        len(text) <= _NAME_MAX
        and "://" not in text
        and any(char.isalpha() for char in text)
        and all(len(word) <= 30 for word in words)
    )
