"""Vietnamese text: composed form, folding for search without marks, initials."""

import re
import unicodedata

from his.core.errors import Refusal

_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def nfc(text: str) -> str:
    """Composed form without control characters, single spaces, trimmed. What is stored and exported."""
    return _SPACES.sub(" ", _CONTROL.sub("", unicodedata.normalize("NFC", text))).strip()


def nfc_lines(text: str) -> str:
    """As `nfc`, but keeps the line breaks of a longer note."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(re.sub(r"[ \t]+", " ", _CONTROL.sub("", line)).rstrip() for line in lines).strip()


def fitting(text: str, limit: int, field: str) -> str:
    """The text as it is; refuses one of more characters than the limit, beside its field."""
    if len(text) > limit:
        raise Refusal("too_long", f"Dài quá {limit:,} ký tự".replace(",", "."), field=field, limit=limit)
    return text


def fold(text: str) -> str:
    """Search key: no marks, đ as d, casefolded, single spaces ("Nguyễn  Đức" -> "nguyen duc")."""
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return _SPACES.sub(" ", bare).strip().casefold()


def initials(name: str) -> str:
    """First letters of the folded words ("Nguyễn Thị Lan" -> "ntl")."""
    return "".join(word[0] for word in fold(name).split())


def given_name_key(name: str) -> str:
    """Sort key by given name first, then middle, then family name, as Vietnamese lists are read."""
    words = fold(name).split()
    return " ".join(reversed(words))
