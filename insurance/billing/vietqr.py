"""VietQR: the text of a QR code for a bank transfer within Vietnam (NAPAS, EMVCo merchant-presented mode). Pure.

A text is a row of fields `ID(2) LEN(2) VALUE`; some values are rows of fields themselves. It stays in ASCII, so that
characters are bytes. A scanned code proves no payment: only the bank's statement does.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

AID = "A000000727"
TO_ACCOUNT, TO_CARD = "QRIBFTTA", "QRIBFTTC"
CURRENCY, COUNTRY = "704", "VN"
PURPOSE_MAX = 25
BIN = re.compile(r"[0-9]{6}", re.ASCII)
ACCOUNT = re.compile(r"[0-9A-Za-z]{1,19}", re.ASCII)
_PURPOSE = re.compile(r"[A-Za-z0-9 ]*", re.ASCII)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_AMOUNT = re.compile(r"[1-9][0-9]{0,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a code asks for. `amount` is whole đồng; without one the payer types it and the code can be used again."""

    bin: str
    account: str
    amount: Decimal | None = None
    purpose: str = ""
    service: str = TO_ACCOUNT


def build(transfer: Transfer) -> str:
    """The text of the QR code. Raises ValueError for what banks would cut or refuse: a BIN that has not six digits,
    more than 19 characters of account, part of a đồng, a purpose of other than ASCII letters, digits and spaces or of
    more than 25 characters."""
    _check(transfer)
    to = _field("00", transfer.bin) + _field("01", transfer.account)
    merchant = _field("00", AID) + _field("01", to) + _field("02", transfer.service)
    text = _field("00", "01") + _field("01", "11" if transfer.amount is None else "12") + _field("38", merchant)
    text += _field("53", CURRENCY)
    if transfer.amount is not None:
        text += _field("54", f"{transfer.amount:.0f}")
    text += _field("58", COUNTRY)
    if transfer.purpose:
        text += _field("62", _field("08", transfer.purpose))
    return text + "6304" + crc(text + "6304")


def parse(text: str) -> Transfer:
    """What a code asks for, of any maker. Raises ValueError when it is no VietQR transfer or its check sum is wrong."""
    if not text.isascii() or len(text) < 8 or text[-8:-4] != "6304" or text[-4:] != crc(text[:-4]):
        raise ValueError("check sum of the QR text is wrong")
    fields = _fields(text)
    merchant = _fields(fields.get("38", ""))
    to = _fields(merchant.get("01", ""))
    if fields.get("00") != "01" or merchant.get("00") != AID or fields.get("53") != CURRENCY:
        raise ValueError("the QR text is no VietQR transfer")
    amount = fields.get("54")
    if amount is not None and not _AMOUNT.fullmatch(amount):
        raise ValueError("the amount of the QR text is not whole đồng")
    return Transfer(
        bin=to.get("00", ""),
        account=to.get("01", ""),
        amount=Decimal(amount) if amount is not None else None,
        purpose=_fields(fields.get("62", "")).get("08", ""),
        service=merchant.get("02", ""),
    )


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE of ASCII text: polynomial 0x1021, from 0xFFFF, not reflected; four capital hex digits."""
    value = 0xFFFF
    for byte in text.encode("ascii"):
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return f"{value:04X}"


def _check(transfer: Transfer) -> None:
    if not BIN.fullmatch(transfer.bin) or not ACCOUNT.fullmatch(transfer.account):
        raise ValueError("a BIN has six digits, an account 1 to 19 letters or digits")
    if transfer.service not in {TO_ACCOUNT, TO_CARD}:
        raise ValueError(f"unknown service {transfer.service}")
    amount = transfer.amount
    if amount is not None and (not amount.is_finite() or not _AMOUNT.fullmatch(f"{amount.normalize():f}")):
        raise ValueError("the amount is whole đồng above zero")
    if len(transfer.purpose) > PURPOSE_MAX or not _PURPOSE.fullmatch(transfer.purpose):
        raise ValueError("the purpose has at most 25 ASCII letters, digits and spaces")


def _field(tag: str, value: str) -> str:
    if not 1 <= len(value) <= 99:
        raise ValueError(f"field {tag} of the QR text has {len(value)} characters")
    return f"{tag}{len(value):02d}{value}"


def _fields(text: str) -> dict[str, str]:
    """Tag to value; raises ValueError when a length does not fit."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        if len(tag) < 2 or not _DIGITS.fullmatch(tag + length) or len(length) < 2 or at + 4 + int(length) > len(text):
            raise ValueError("a field of the QR text does not fit")
        found[tag] = text[at + 4 : at + 4 + int(length)]
        at += 4 + int(length)
    return found
