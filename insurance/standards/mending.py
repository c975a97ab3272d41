"""Mend what is no XML in a file that is read as a stream: bare `&` and `<`, and characters that XML forbids.

Systems that paste texts together write `Tổ 1 & 2` or `HA < 90` as they are. What is inside CDATA and comments is left
alone. Memory is that of one piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from insurance.standards.decode import Notes

REFERENCE = r"(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});"
FORBIDDEN = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
    "|&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|x0*(?:[0-8]|[bcefBCEF]|1[0-9a-fA-F]));"
)
BARE = rf"&(?!{REFERENCE})|<(?![A-Za-z_/!?])"

# NUL and the old end-of-file sign are left: they end files; references by name are refused, not mended.
_CONTROL = "[\x01-\x08\x0b\x0c\x0e-\x19\x1b-\x1f\ufffe\uffff]"
_SUSPECT = (re.compile(r"<(?:[^A-Za-z_/?]|\Z)"), re.compile(_CONTROL))  # apart: together they are four times slower
_TOKEN = re.compile(rf"<!\[CDATA\[|<!--|{_CONTROL}|&(?!#?[A-Za-z0-9]{{1,30}};)|<(?![A-Za-z_/!?])")
_ENDS = {"<![CDATA[": "]]>", "<!--": "-->"}
_LONGEST = 12  # characters of the longest token or reference


def mended(pieces: Iterable[str], notes: Notes) -> Iterator[str]:
    """The same characters as well-formed as can be; the first thing that was mended is told in `notes`."""
    end = held = ""
    for piece in pieces:
        text = held + piece
        held = ""
        if not (end or "&" in text or any(one.search(text) for one in _SUSPECT)):
            yield text
            continue
        done, end, held = _mend(text, end, notes, is_last=False)
        if done:
            yield done
    if held:
        yield _mend(held, end, notes, is_last=True)[0]


def _mend(text: str, end: str, notes: Notes, *, is_last: bool) -> tuple[str, str, str]:
    """The mended text, the mark that ends an open CDATA or comment, and what must wait for the next piece."""
    limit = len(text) if is_last else max(0, len(text) - _LONGEST)
    parts: list[str] = []
    at = 0
    while at < limit:
        if end:
            stop = text.find(end, at)
            if stop < 0:
                break
            parts.append(text[at : stop + len(end)])
            at, end = stop + len(end), ""
            continue
        match = _TOKEN.search(text, at)
        if match is None or match.start() >= limit:
            break
        parts.append(text[at : match.start()])
        parts.append(_instead(match[0], notes))
        at, end = match.end(), _ENDS.get(match[0], "")
    cut = max(at, limit)
    parts.append(text[at:cut])
    return "".join(parts), end, text[cut:]


def _instead(found: str, notes: Notes) -> str:
    """What stands for a token: itself when it opens CDATA or a comment."""
    if found in _ENDS:
        return found
    shown = {"&": "dấu & chưa mã hóa", "<": "dấu < chưa mã hóa"}.get(found, "ký tự không được phép")
    notes.add("not_well_formed", f"Tệp có {shown}, không phải XML hợp lệ; đã đọc sau khi sửa tạm")
    return {"&": "&amp;", "<": "&lt;"}.get(found, "")
