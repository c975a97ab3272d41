"""Shapes of the codes that the health insurance uses. Codes are strings: leading zeros count."""

import re

CARD_NUMBER = re.compile(r"^[A-Z]{2}[1-5]\d{2}\d{10}$", re.ASCII)
CITIZEN_ID = re.compile(r"^\d{12}$", re.ASCII)
OLD_ID = re.compile(r"^\d{9}$", re.ASCII)
SOCIAL_INSURANCE_NO = re.compile(r"^(?!0{10})\d{10}$", re.ASCII)
FACILITY_CODE = re.compile(r"^\d{5}$", re.ASCII)
ICD10 = re.compile(r"^[A-Z]\d{2}(\.\d{1,2})?[*+†]?$", re.ASCII)
PASSPORT = re.compile(r"^[A-Z]\d{7,8}$", re.ASCII)
FOREIGN_PAPER = re.compile(r"^(?=[A-Z]*\d)[A-Z0-9]{5,15}$", re.ASCII)
PROVINCE_CODE = re.compile(r"^\d{2}$", re.ASCII)
COMMUNE_CODE = re.compile(r"^\d{5}$", re.ASCII)
PHONE = re.compile(r"^0\d{9,10}$", re.ASCII)


def is_card_number(text: str) -> bool:
    """15 characters: group letters, level 1 to 5, province, social-insurance number (QĐ 1351/QĐ-BHXH)."""
    return bool(CARD_NUMBER.match(text))


def row_id(text: str) -> int:
    """The id that a browser sent; 0, the id of no row, for anything that is not one (words, `²`, 5,000 digits)."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def clean_code(text: str) -> str:
    """Upper case without blanks, as codes are stored."""
    return re.sub(r"\s+", "", text).upper()


def identity_kind(number: str, *, is_foreigner: bool = False) -> str:
    """What paper a person's number (SO_CCCD) is of: "citizen", "passport" or "foreign"; empty when of none.

    A citizen card has 12 digits, a Vietnamese passport a letter and 7 or 8 digits, a foreign paper up to 15 letters
    and digits. Digits alone may be a foreigner's number only; of a citizen they are a citizen number with a slip.
    """
    if CITIZEN_ID.match(number):
        return "citizen"
    if PASSPORT.match(number):
        return "passport"
    return "foreign" if FOREIGN_PAPER.match(number) and (is_foreigner or not number.isdigit()) else ""
