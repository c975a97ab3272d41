"""What the one box of the reception desk was given: a card's QR code, a chip reader's answer, a number or a name.

Pure. A QR code is a typing aid and no proof: anyone can print one, so nothing here decides who a person is. Layouts:
the citizen card (`|`, at least 7 parts), the insurance card (`|`, 15 or 12 parts, names as hexadecimal UTF-8), the JSON
of two chip-reader products. Everything that does not fit is told in Vietnamese, and nothing makes it fail.
"""

from datetime import date

from his.core.text import nfc
from patients.scan.cards import qr
from patients.scan.chips import chip
from patients.scan.facts import Kind, Scan, unsupported
from patients.scan.typed import typed

__all__ = ["MAX_LENGTH", "Kind", "Scan", "read"]

MAX_LENGTH = 2000
_NOISE = " \t\r\n\x00\ufeff\u200b"


def read(text: str, *, on: date | None = None) -> Scan:
    """Decide what a scanned or typed text is, and take it apart. Never fails.

    With `on`, dates after that day are warned of.
    """
    if len(text) > MAX_LENGTH:
        return unsupported(f"Nội dung dài quá {MAX_LENGTH} ký tự, không phải mã của thẻ")
    clean = nfc(text.strip(_NOISE).replace("\x00", "").replace("\ufeff", ""))
    if not clean:
        return unsupported("Chưa có gì để tìm")
    if clean.startswith("{"):
        return chip(clean, on)
    if "|" in clean:
        return qr(clean, on)
    return typed(clean)
