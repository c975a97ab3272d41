"""What the one box of the reception desk was given: a card's QR code, a chip reader's answer, a number or a name.

Pure. A QR code is a typing aid and no proof: anyone can print one, so nothing here decides who a person is. Layouts:
the citizen card (`|`, at least 7 parts), the insurance card (`|`, 15 or 12 parts, names as hexadecimal UTF-8), the JSON
of two chip-reader products. Everything that does not fit is told in Vietnamese, and nothing makes it fail.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from his.core.codes import CITIZEN_ID, OLD_ID, SOCIAL_INSURANCE_NO, identity_kind, is_card_number
from his.core.dates import BirthDate
from his.core.text import fold, nfc
from patients.sheets import read_code

Kind = Literal[
    "citizen_card",
    "insurance_card",
    "chip",
    "citizen_id",
    "passport",
    "old_id",
    "social_insurance_no",
    "card_number",
    "claim_code",
    "prescription_code",
    "patient_code",
    "phone",
    "name",
    "unsupported",
]
MAX_LENGTH = 2000
_NAME_MAX = 100
_NOISE = " \t\r\n\x00\ufeff\u200b"

_CARD_LIKE = re.compile(r"^([A-Z]{2}[1-5]\d{12}|[A-Z]{2}[A-Z0-9]{13})$", re.ASCII)
_CARD_TYPED = re.compile(r"^[A-Z]{2}[A-Z0-9]?\d{8,16}$", re.ASCII)
_CLAIM_CODE = re.compile(r"^\d{5}\.\d{4}\.\d{6,}$", re.ASCII)
_PATIENT_CODE = re.compile(r"^\d{5}\.\d{6,}$", re.ASCII)
_PHONE = re.compile(r"^(0[35789]\d{8}|02\d{9})$", re.ASCII)
_SEPARATORS = re.compile(r"[\s.\-()]+")
_HEX = re.compile(r"^[0-9A-Fa-f]*$")
_DATE = re.compile(r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})$|^(\d{2})(\d{2})(\d{4})$", re.ASCII)
_ISO_DATE = re.compile(r"^(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_YEAR = re.compile(r"^(?:0{1,2}[/.\-]?0{1,2}[/.\-]?)?(\d{4})$", re.ASCII)
_SEXES = {"nam": "1", "m": "1", "male": "1", "nu": "2", "f": "2", "female": "2"}

_READERS: tuple[Mapping[str, str], ...] = (
    {
        "citizen_id": "idCode",
        "old_id_number": "oldIdCode",
        "full_name": "personName",
        "birth": "dateOfBirth",
        "sex": "gender",
        "nationality": "nationality",
        "ethnicity": "race",
        "address": "residencePlace",
        "issued_on": "issueDate",
    },
    {
        "citizen_id": "id_card",
        "old_id_number": "old_id_card",
        "full_name": "full_name",
        "birth": "date_of_birth",
        "sex": "gender",
        "nationality": "nationality",
        "ethnicity": "race",
        "address": "place_of_residence",
        "issued_on": "date_of_issue",
    },
)


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read. Empty text and None mean "not said". `warnings` are for the person at the desk.

    `damaged` names the fields whose text could not be decoded and holds the raw text; those fields are empty.
    """

    kind: Kind
    full_name: str = ""
    birth: BirthDate | None = None
    sex: str = ""
    citizen_id: str = ""
    old_id_number: str = ""
    address: str = ""
    issued_on: date | None = None
    nationality: str = ""
    ethnicity: str = ""
    guardian_name: str = ""
    card_number: str = ""
    social_insurance_no: str = ""
    registered_facility_code: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    card_issued_on: date | None = None
    five_years_from: date | None = None
    area_code: str = ""
    phone: str = ""
    claim_code: str = ""
    prescription_code: str = ""
    patient_code: str = ""
    warnings: tuple[str, ...] = ()
    damaged: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Literal["qr", "chip", "typed"]:
        """How the facts came in, as stored with the person, card and visit."""
        if self.kind in {"citizen_card", "insurance_card"}:
            return "qr"
        return "chip" if self.kind == "chip" else "typed"

    @property
    def has_person(self) -> bool:
        """Whether it says enough of a person to fill in a registration."""
        return self.kind in {"citizen_card", "insurance_card", "chip"}


def read(text: str, *, on: date | None = None) -> Scan:
    """Decide what a scanned or typed text is, and take it apart. Never fails.

    With `on`, dates after that day are warned of.
    """
    if len(text) > MAX_LENGTH:
        return _unsupported(f"Nội dung dài quá {MAX_LENGTH} ký tự, không phải mã của thẻ")
    clean = nfc(text.strip(_NOISE).replace("\x00", "").replace("\ufeff", ""))
    if not clean:
        return _unsupported("Chưa có gì để tìm")
    if clean.startswith("{"):
        return _chip(clean, on)
    if "|" in clean:
        return _qr(clean, on)
    return _typed(clean)


def _unsupported(warning: str) -> Scan:
    return Scan("unsupported", warnings=(warning,))


# Cards


def _qr(text: str, on: date | None) -> Scan:
    tokens = [token.strip() for token in text.split("|")]
    first = tokens[0].upper()
    is_number = bool(SOCIAL_INSURANCE_NO.match(first)) and len(tokens) >= 12
    if tokens[-1] == "$" or _CARD_LIKE.match(first) or is_number:
        return _insurance_card([first, *tokens[1:]], on)
    if CITIZEN_ID.match(first):
        if len(tokens) >= 7:
            return _citizen_card(tokens, on)
        return _unsupported(f"Mã QR căn cước bị cắt ngắn (chỉ có {len(tokens)} trong 7 phần), hãy quét lại")
    return _unsupported("Mã QR này không phải căn cước hay thẻ BHYT, hoặc đã bị hỏng; hãy quét lại hoặc gõ số")


def _citizen_card(tokens: Sequence[str], on: date | None) -> Scan:
    number, old, name, born, sex, address, issued = tokens[:7]
    birth, warnings = _birth(born)
    scan = Scan(
        "citizen_card",
        citizen_id=number,
        old_id_number=old if OLD_ID.match(old) or CITIZEN_ID.match(old) else "",
        full_name=nfc(name),
        birth=birth,
        sex=_sex(sex, warnings),
        address=nfc(address),
        issued_on=_day(issued, "Ngày cấp thẻ", warnings),
    )
    if old and not scan.old_id_number:
        warnings.append("Số CMND cũ trong mã không đúng dạng, đã bỏ qua")
    _check_text(scan, warnings)
    _check_citizen_id(scan, warnings)
    _check_future(scan, on, warnings)
    return replace(scan, warnings=tuple(warnings))


def _insurance_card(tokens: Sequence[str], on: date | None) -> Scan:
    parts = list(tokens)
    while parts and parts[-1] in {"$", ""}:
        parts.pop()
    warnings: list[str] = []
    if tokens[-1] != "$":
        warnings.append("Mã QR thẻ BHYT thiếu phần cuối, hãy đối chiếu với thẻ")
    if len(parts) < 9:
        warnings.append(f"Mã QR thẻ BHYT bị cắt ngắn (còn {len(parts)} phần), hãy quét lại hoặc gõ phần thiếu")
    is_current = len(parts) >= 13
    # Missing parts read as "-", the card's own sign for empty.
    parts += ["-"] * (15 - len(parts))
    damaged: dict[str, str] = {}
    birth, birth_warnings = _birth(parts[2])
    warnings += birth_warnings
    card_number, social_no = _card_numbers(parts[0], warnings)
    scan = Scan(
        "insurance_card",
        card_number=card_number,
        social_insurance_no=social_no,
        full_name=_hex("full_name", parts[1], damaged),
        birth=birth,
        sex=_card_sex(parts[3], warnings),
        address=_hex("address", parts[4], damaged),
        registered_facility_code=_facility(parts[5], warnings),
        valid_from=_day(parts[6], "Ngày bắt đầu của thẻ", warnings),
        valid_to=_day(parts[7], "Ngày hết hạn của thẻ", warnings),
        card_issued_on=_day(parts[8], "Ngày cấp thẻ BHYT", warnings),
        guardian_name=_hex("guardian_name", parts[10], damaged) if is_current else "",
        # The 12th part is read in three ways by different programs; only the living area is unmistakable.
        area_code=parts[11] if is_current and parts[11] in {"K1", "K2", "K3"} else "",
        five_years_from=_day(parts[12], "Ngày đủ 5 năm liên tục", warnings) if is_current else None,
        damaged=damaged,
    )
    names = {"full_name": "Họ tên", "address": "Địa chỉ", "guardian_name": "Tên cha mẹ"}
    warnings += [f"{names[name]} trong mã bị hỏng, hãy quét lại hoặc gõ tay" for name in damaged]
    _check_text(scan, warnings)
    _check_future(scan, on, warnings)
    if scan.valid_from and scan.valid_to and scan.valid_to < scan.valid_from:
        warnings.append("Ngày hết hạn trên thẻ trước ngày bắt đầu")
    return replace(scan, warnings=tuple(warnings))


def _card_numbers(token: str, warnings: list[str]) -> tuple[str, str]:
    """The card number and the social-insurance number; new cards print only the latter."""
    if is_card_number(token):
        social = token[5:]
        return token, social if SOCIAL_INSURANCE_NO.match(social) else ""
    if SOCIAL_INSURANCE_NO.match(token):
        warnings.append("Thẻ mới chỉ in mã số BHXH: tra cứu hoặc gõ mã thẻ 15 ký tự")
        return "", token
    warnings.append("Mã thẻ BHYT trong mã QR không đúng dạng, hãy gõ theo thẻ")
    return "", ""


def _hex(name: str, token: str, damaged: dict[str, str]) -> str:
    """Text from hexadecimal UTF-8; text that is plainly not hexadecimal is taken as it is."""
    if token in {"", "-"}:
        return ""
    if not _HEX.match(token):
        return nfc(token)
    try:
        return nfc(bytes.fromhex(token).decode("utf-8"))
    except ValueError:
        damaged[name] = token
        return ""


def _facility(token: str, warnings: list[str]) -> str:
    code = "".join(char for char in token if char.isascii() and char.isalnum())
    if code and not re.fullmatch(r"[0-9]{5}", code):
        warnings.append("Mã nơi đăng ký KCB ban đầu trong mã QR không đủ 5 số")
        return ""
    return code


def _card_sex(token: str, warnings: list[str]) -> str:
    return token if token in {"1", "2"} else _sex("" if token == "-" else token, warnings)


# Chip readers


def _chip(text: str, on: date | None) -> Scan:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return _unsupported("Nội dung từ đầu đọc chip bị hỏng, hãy đọc lại thẻ")
    for facts in _objects(answer):
        for keys in _READERS:
            if facts.get(keys["citizen_id"]):
                return _chip_scan({name: _string(facts.get(key)) for name, key in keys.items()}, on)
    return _unsupported("Không thấy số định danh trong nội dung từ đầu đọc chip")


def _objects(answer: Any) -> list[dict[str, Any]]:
    """The answer and the objects directly inside it: readers wrap the card in an event."""
    if not isinstance(answer, dict):
        return []
    return [answer, *(value for value in answer.values() if isinstance(value, dict))]


def _string(value: Any) -> str:
    return nfc(value) if isinstance(value, str) else ""


def _chip_scan(facts: Mapping[str, str], on: date | None) -> Scan:
    birth, warnings = _birth(facts["birth"])
    number = facts["citizen_id"]
    if not CITIZEN_ID.match(number):
        return _unsupported("Số định danh từ đầu đọc chip không đủ 12 chữ số, hãy đọc lại thẻ")
    old = facts["old_id_number"]
    scan = Scan(
        "chip",
        citizen_id=number,
        old_id_number=old if OLD_ID.match(old) or CITIZEN_ID.match(old) else "",
        full_name=facts["full_name"],
        birth=birth,
        sex=_sex(facts["sex"], warnings),
        address=facts["address"],
        issued_on=_day(facts["issued_on"], "Ngày cấp thẻ", warnings),
        nationality=facts["nationality"],
        ethnicity=facts["ethnicity"],
    )
    _check_citizen_id(scan, warnings)
    _check_future(scan, on, warnings)
    return replace(scan, warnings=tuple(warnings))


# Parts


def _birth(token: str) -> tuple[BirthDate | None, list[str]]:
    """A birth date as precise as the card says, and what is wrong with it. A missing day is not invented."""
    if token in {"", "-"}:
        return None, ["Mã không có ngày sinh, hãy gõ theo thẻ"]
    if (year := _YEAR.match(token)) and int(year[1]) > 0:
        return BirthDate(date(int(year[1]), 1, 1), "year"), []
    day = _date(token)
    if day is None:
        return None, ["Ngày sinh trong mã không có thật, hãy gõ theo thẻ"]
    return BirthDate(day, "day"), []


def _day(token: str, label: str, warnings: list[str]) -> date | None:
    if token in {"", "-"}:
        return None
    day = _date(token)
    if day is None:
        warnings.append(f"{label} trong mã không có thật, hãy đối chiếu với thẻ")
    return day


def _date(token: str) -> date | None:
    iso, usual = _ISO_DATE.match(token), _DATE.match(token)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if usual:
            day, month, year = (int(part) for part in usual.groups() if part)
            return date(year, month, day)
    except ValueError:
        return None
    return None


def _sex(token: str, warnings: list[str]) -> str:
    sex = _SEXES.get(fold(token), "")
    if not sex:
        warnings.append("Không đọc được giới tính, hãy chọn theo thẻ")
    return sex


def _check_text(scan: Scan, warnings: list[str]) -> None:
    """Marks that a keyboard scanner lost or an input method rewrote."""
    name = scan.full_name
    if "?" in name or "\ufffd" in name or "?" in scan.address or "\ufffd" in scan.address:
        warnings.append("Chữ có dấu bị hỏng khi quét: đặt máy quét ở chế độ UTF-8, tắt bộ gõ tiếng Việt rồi quét lại")
    elif name and not _has_marks(name) and _has_marks(scan.address):
        warnings.append("Họ tên không có dấu dù địa chỉ có dấu: hãy đối chiếu với thẻ, quét lại nếu sai")
    elif not name and "full_name" not in scan.damaged:
        warnings.append("Mã không có họ tên, hãy gõ theo thẻ")


def _has_marks(text: str) -> bool:
    return any(char in "đĐ" or unicodedata.normalize("NFD", char) != char for char in text)


def _check_citizen_id(scan: Scan, warnings: list[str]) -> None:
    """The number tells sex, century and year of birth; corrections exist, so only a warning."""
    century, year = int(scan.citizen_id[3]), int(scan.citizen_id[4:6])
    if scan.sex and (century % 2 == 0) != (scan.sex == "1"):
        warnings.append("Giới tính trên thẻ khác với giới tính trong số định danh, hãy đối chiếu")
    if scan.birth and 1900 + 100 * (century // 2) + year != scan.birth.value.year:
        warnings.append("Năm sinh trên thẻ khác với năm sinh trong số định danh, hãy đối chiếu")


def _check_future(scan: Scan, on: date | None, warnings: list[str]) -> None:
    if on is None:
        return
    if scan.birth and scan.birth.value > on:
        warnings.append("Ngày sinh trong mã ở tương lai, hãy gõ theo thẻ")
    if any(day and day > on for day in (scan.issued_on, scan.card_issued_on)):
        warnings.append("Ngày cấp trong mã ở tương lai, hãy đối chiếu với thẻ")


# Typed


def _typed(text: str) -> Scan:
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
        return Scan("card_number", card_number=compact, social_insurance_no=_card_numbers(compact, [])[1])
    if _CARD_TYPED.match(compact) or (_CARD_LIKE.match(compact) and any(char.isdigit() for char in compact)):
        rule = "2 chữ, 1 số từ 1 đến 5, rồi 12 chữ số"
        return _unsupported(f"Mã thẻ BHYT không đúng: cần 15 ký tự ({rule}), đang có {len(compact)} ký tự")
    if not compact.isdigit() and identity_kind(compact) and " " not in text:
        return Scan("passport", citizen_id=compact)
    if _is_name(text):
        return Scan("name", full_name=text)
    return _unsupported("Mã này phần mềm không đọc được; hãy quét căn cước, thẻ BHYT hoặc gõ số, họ tên")


def _digits(number: str) -> Scan:
    if CITIZEN_ID.match(number):
        return Scan("citizen_id", citizen_id=number)
    if _PHONE.match(number):
        return Scan("phone", phone=number)
    if SOCIAL_INSURANCE_NO.match(number):
        return Scan("social_insurance_no", social_insurance_no=number)
    if OLD_ID.match(number):
        return Scan("old_id", old_id_number=number)
    return _unsupported(f"Số có {len(number)} chữ số: căn cước 12, mã BHXH hoặc điện thoại 10, CMND 9 chữ số")


def _is_name(text: str) -> bool:
    """Words of letters, as names are; no address of a page, no token of a machine."""
    words = text.split()
    return (
        len(text) <= _NAME_MAX
        and "://" not in text
        and any(char.isalpha() for char in text)
        and all(len(word) <= 30 for word in words)
    )
