"""The QR codes of the citizen card (`|`, at least 7 parts) and the insurance card (`|`, 15 or 12 parts, names as
hexadecimal UTF-8)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from his.core.codes import CITIZEN_ID, OLD_ID, SOCIAL_INSURANCE_NO, is_card_number
from his.core.text import nfc
from patients.scan.facts import Scan, unsupported
from patients.scan.parts import birth_of, check_citizen_id, check_future, check_text, day, sex_of

CARD_LIKE = re.compile(r"^([A-Z]{2}[1-5]\d{12}|[A-Z]{2}[A-Z0-9]{13})$", re.ASCII)
"""A number of an insurance card, as cards or people write it."""
_HEX = re.compile(r"^[0-9A-Fa-f]*$")


def qr(text: str, on: date | None) -> Scan:
    """A code with parts between `|`."""
    tokens = [token.strip() for token in text.split("|")]
    first = tokens[0].upper()
    is_number = bool(SOCIAL_INSURANCE_NO.match(first)) and len(tokens) >= 12
    if tokens[-1] == "$" or CARD_LIKE.match(first) or is_number:
        return _insurance_card([first, *tokens[1:]], on)
    if CITIZEN_ID.match(first):
        if len(tokens) >= 7:
            return _citizen_card(tokens, on)
        return unsupported(f"Mã QR căn cước bị cắt ngắn (chỉ có {len(tokens)} trong 7 phần), hãy quét lại")
    return unsupported("Mã QR này không phải căn cước hay thẻ BHYT, hoặc đã bị hỏng; hãy quét lại hoặc gõ số")


def _citizen_card(tokens: Sequence[str], on: date | None) -> Scan:
    number, old, name, born, sex, address, issued = tokens[:7]
    birth, warnings = birth_of(born)
    scan = Scan(
        "citizen_card",
        citizen_id=number,
        old_id_number=old if OLD_ID.match(old) or CITIZEN_ID.match(old) else "",
        full_name=nfc(name),
        birth=birth,
        sex=sex_of(sex, warnings),
        address=nfc(address),
        issued_on=day(issued, "Ngày cấp thẻ", warnings),
    )
    if old and not scan.old_id_number:
        warnings.append("Số CMND cũ trong mã không đúng dạng, đã bỏ qua")
    check_text(scan, warnings)
    check_citizen_id(scan, warnings)
    check_future(scan, on, warnings)
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
    birth, birth_warnings = birth_of(parts[2])
    warnings += birth_warnings
    card_number, social_no = card_numbers(parts[0], warnings)
    scan = Scan(
        "insurance_card",
        card_number=card_number,
        social_insurance_no=social_no,
        full_name=_hex("full_name", parts[1], damaged),
        birth=birth,
        sex=_card_sex(parts[3], warnings),
        address=_hex("address", parts[4], damaged),
        registered_facility_code=_facility(parts[5], warnings),
        valid_from=day(parts[6], "Ngày bắt đầu của thẻ", warnings),
        valid_to=day(parts[7], "Ngày hết hạn của thẻ", warnings),
        card_issued_on=day(parts[8], "Ngày cấp thẻ BHYT", warnings),
        guardian_name=_hex("guardian_name", parts[10], damaged) if is_current else "",
        # The 12th part is read in three ways by different programs; only the living area is unmistakable.
        area_code=parts[11] if is_current and parts[11] in {"K1", "K2", "K3"} else "",
        five_years_from=day(parts[12], "Ngày đủ 5 năm liên tục", warnings) if is_current else None,
        damaged=damaged,
    )
    names = {"full_name": "Họ tên", "address": "Địa chỉ", "guardian_name": "Tên cha mẹ"}
    warnings += [f"{names[name]} trong mã bị hỏng, hãy quét lại hoặc gõ tay" for name in damaged]
    check_text(scan, warnings)
    check_future(scan, on, warnings)
    if scan.valid_from and scan.valid_to and scan.valid_to < scan.valid_from:
        warnings.append("Ngày hết hạn trên thẻ trước ngày bắt đầu")
    return replace(scan, warnings=tuple(warnings))


def card_numbers(token: str, warnings: list[str]) -> tuple[str, str]:
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
    return token if token in {"1", "2"} else sex_of("" if token == "-" else token, warnings)
