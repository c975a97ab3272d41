"""Reading the ingredients of a drug and how much it has of each, from the texts of form 03/DM. Pure.

`Amlodipin + valsartan`, `5mg + 80mg` are two ingredients. A strength that can be read in two ways, or that does not
fit the names, is not read at all: its ingredients have no amount, and a pharmacist writes it. The list and the checks
of doses read with the same eyes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final

from his.core.text import nfc

IN_MG: Final = {"mg": Decimal(1), "g": Decimal(1000), "mcg": Decimal("0.001")}
"""Units of mass, in mg."""

MG: Final = "mg"

_ML: Final = {"ml": Decimal(1), "l": Decimal(1000)}
_ONE_UNIT = frozenset({"viên", "gói", "ống", "lọ", "chai", "tuýp", "tube", "miếng"})
_UNITS = {"µg": "mcg", "μg": "mcg", "ug": "mcg", "mcg": "mcg", "iu": "IU", "ui": "IU", "đvqt": "IU", "cfu": "CFU"}
_COUNTED = frozenset({"IU", "U", "CFU", "bào tử"})
_TIMES = {"tỷ": Decimal(10**9), "tỉ": Decimal(10**9), "triệu": Decimal(10**6), "": Decimal(1)}
_NUMBER = r"\d[\d.,]*"
_PER = r"ml|l|mg|g|liều|nhát|lần|gói|viên|ống|lọ|chai|tuýp|tube|miếng|giờ|h"
_AMOUNT = re.compile(
    rf"(?P<number>{_NUMBER})(?:\s*[x×]\s*10\s*\^\s*(?P<power>\d\d?)|\s*\^\s*(?P<bare>\d\d?))?\s*"
    r"(?P<times>tỷ|tỉ|triệu)?\s*(?P<unit>mg|mcg|µg|μg|ug|g|iu|ui|đvqt|u|cfu|bào tử|%)"
    rf"(?:\s*/\s*(?P<per>{_NUMBER})?\s*(?P<per_unit>{_PER})(?:\s+(?:gel|kem|mỡ|bột|dung dịch))?)?"
    r"(?:\s*\([^()]*\))?$",
    re.IGNORECASE,
)
_SMALLEST, _LARGEST = Decimal("0.000001"), Decimal(10) ** 13
_NAME = re.compile(r"(?:[^\d+;/*^]*\s)?")
_CONTENT = re.compile(rf"^(?P<number>{_NUMBER})\s*(?P<unit>ml|l|g|liều|nhát|viên)$", re.IGNORECASE)
_TOGETHER = re.compile(rf"^\((?P<inner>[^()]+)\)\s*/\s*(?P<per>{_NUMBER})?\s*(?P<per_unit>{_PER})$", re.IGNORECASE)
_EACH = re.compile(r"^(?:mỗi|trong)\b[^:]*:\s*", re.IGNORECASE)
_IN_NAME = re.compile(rf"\s+{_NUMBER}\s*(?:mg|mcg|µg|g|iu|ui|%)(?:\s*/\s*{_NUMBER}?\s*\w+)?$", re.IGNORECASE)
_VITAMIN = re.compile(r"^[BCDEK]\d{0,2}$")


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of an ingredient, in one unit of the drug or in `per` of `per_unit`."""

    value: Decimal
    unit: str
    per: Decimal | None = None
    per_unit: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """How much a pack holds: 60 ml of a bottle, 200 doses of an inhaler; `value` is None where that is not written."""

    value: Decimal | None = None
    unit: str = ""

    @property
    def ml(self) -> Decimal | None:
        """The same in ml; None when it is not written, or is no volume."""
        factor = _ML.get(self.unit)
        return None if self.value is None or factor is None else self.value * factor


@dataclass(frozen=True, slots=True)
class Strength:
    """The amounts of the ingredients of a drug in their order, as the list writes them, and what a pack holds."""

    amounts: tuple[Amount, ...]
    content: Content = Content()

    def in_unit(self) -> tuple[Amount, ...] | None:
        """The amounts in one unit of dispensing, masses in mg. None where the label does not say how much that is:
        "10mg/ml" alone may be an ampoule of any size; "250mg/5ml" is one of 5 ml."""
        if all(not one.per_unit and one.unit != "%" for one in self.amounts) or all(
            one.per == 1 and one.per_unit in _ONE_UNIT for one in self.amounts
        ):
            return tuple(_in_mg(one) for one in self.amounts)
        pers = {_per_ml(one) for one in self.amounts}
        pack = self.content.ml or (pers.pop() if len(pers) == 1 and pers != {Decimal(1)} else None)
        return self._liquid(pack) if pack is not None else None

    def in_ml(self) -> tuple[Amount, ...] | None:
        """The amounts in one ml, masses in mg; None when the strength is not that of a liquid."""
        return self._liquid(Decimal(1))

    def _liquid(self, ml: Decimal) -> tuple[Amount, ...] | None:
        if all(one.unit == "%" for one in self.amounts) and self.content.unit != "g":
            return tuple(Amount(one.value * 10 * ml, MG) for one in self.amounts)  # grams in 100 ml
        pers = [_per_ml(one) for one in self.amounts]
        if any(per is None for per in pers):
            return None
        return tuple(_in_mg(one, ml, per) for one, per in zip(self.amounts, pers, strict=True) if per is not None)


def _in_mg(amount: Amount, times: Decimal = Decimal(1), part: Decimal = Decimal(1)) -> Amount:
    """So many times a part of the amount, in mg when it is a mass."""
    mass = IN_MG.get(amount.unit)
    value = amount.value * (mass or 1) * times / part
    return Amount(value, amount.unit if mass is None else MG)


def _per_ml(amount: Amount) -> Decimal | None:
    factor = _ML.get(amount.per_unit)
    return None if amount.per is None or factor is None else amount.per * factor


@dataclass(frozen=True, slots=True)
class Part:
    """One ingredient as the texts give it; `amount` is None when its strength could not be read."""

    code: str
    name: str
    strength: str
    amount: Amount | None


def ingredients_of(code: str, names: str, strength: str) -> list[Part]:
    """The ingredients in their order. One code for several ingredients is the code of the combination: none has it."""
    found = ingredient_names(names)
    codes = [part.strip() for part in code.split("+")]
    if len(codes) != len(found):
        codes = [""] * len(found)
    texts, amounts, _content = _strengths(_clean(strength), len(found))
    return [Part(*one) for one in zip(codes, found, texts, amounts, strict=True)]


def ingredient_names(text: str) -> list[str]:
    """Names between `+`, else `;`, else `,`, outside brackets; an amount written behind a name is left out."""
    whole = _EACH.sub("", _clean(text))
    parts = next((parts for sign in "+;," if len(parts := _split(whole, sign)) > 1), [whole])
    names = [_IN_NAME.sub("", part) for part in parts]
    is_vitamin = names[0].lower().startswith("vitamin ")
    return [f"Vitamin {name}" if is_vitamin and _VITAMIN.match(name) else name for name in names]


@lru_cache(maxsize=4096)
def read_strength(text: str, count: int) -> Strength | None:
    """The strength of a drug of so many ingredients; None when the amount of one of them cannot be told."""
    _texts, amounts, content = _strengths(_clean(text), count)
    known = tuple(one for one in amounts if one is not None)
    return Strength(known, content) if known and len(known) == len(amounts) else None


def read_amount(text: str) -> Amount | None:
    """One strength, such as `500mg`, `120mg/5ml; 60ml`, `0,9%; 500ml`, `2x10^9 CFU`; None when it cannot be told."""
    return _read(text)[0]


def _read(text: str) -> tuple[Amount | None, Content]:
    first, *others = [piece for part in _split(text, ";") for piece in _split(part, ",")]
    if "%" in first:  # 2% x 10ml
        first, *more = first.split(" x ")
        others += more
    if text.count("(") != text.count(")") or not all(_CONTENT.match(part) for part in others):
        return _UNREAD
    content = _content(others[-1]) if others else Content()
    found = _AMOUNT.search(first.strip())
    if found is None or not _NAME.fullmatch(first.strip()[: found.start()]):
        return _UNREAD
    unit = _UNITS.get(found["unit"].lower(), "U" if found["unit"].lower() == "u" else found["unit"].lower())
    value = _number(found["number"], thousands=unit in _COUNTED)
    if value is None or not value:
        return _UNREAD
    if found["bare"]:
        value **= int(found["bare"])
    value *= Decimal(10) ** int(found["power"] or 0) * _TIMES[(found["times"] or "").lower()]
    if not _SMALLEST <= value < _LARGEST:
        return _UNREAD
    if not found["per_unit"]:
        return Amount(value, unit), content
    per, per_unit = _number(found["per"]) if found["per"] else Decimal(1), found["per_unit"].lower()
    if not per or not _SMALLEST <= per < 10**6:
        return _UNREAD
    if unit == "%":  # 1%/10g is a pack of 10 g
        return Amount(value, unit), content if others else Content(per, per_unit)
    return Amount(value, unit, per, per_unit), content


_UNREAD: Final = (None, Content())


def _content(text: str) -> Content:
    match = _CONTENT.match(text)
    return Content(_number(match["number"]), match["unit"].lower()) if match else Content()


def _strengths(text: str, count: int) -> tuple[list[str], Sequence[Amount | None], Content]:
    """The strength of each of so many ingredients, as text and as amount, and what a pack holds; the whole text when it
    tells none."""
    whole = _EACH.sub("", text)
    if count == 1:
        amount, content = _read(whole)
        return [text], [amount], content
    unread = [text] * count, [None] * count, Content()
    if whole.count("(") != whole.count(")"):
        return unread
    *before, last = _split(whole, ";")
    tries = [whole, "; ".join(before)] if before and _CONTENT.match(last) else [whole]
    for one in tries:
        together = _TOGETHER.match(one)
        inner = together["inner"] if together else one
        for sign in "+;,/":
            parts = _split(inner, sign)
            amounts = [read_amount(part) for part in parts]
            if len(parts) != count or not any(amounts) or (sign == "/" and not all(amounts)):
                continue
            if together:
                per = _number(together["per"]) if together["per"] else Decimal(1)
                amounts = _all_in(amounts, per, together["per_unit"].lower())
            elif amounts[-1] and amounts[-1].per and not any(one and one.per for one in amounts[:-1]):
                amounts = _all_in(amounts, amounts[-1].per, amounts[-1].per_unit)  # 15mg + 5mg/5ml
            return parts, amounts, _read(parts[-1])[1] if one is whole else _content(last)
    return unread


def _all_in(amounts: Sequence[Amount | None], per: Decimal | None, per_unit: str) -> list[Amount | None]:
    return [amount and replace(amount, per=per, per_unit=per_unit) for amount in amounts]


def _number(text: str, *, thousands: bool = False) -> Decimal | None:
    """A number with a decimal comma or dot; None for `2.940`, which is 2940 or 2,94, unless thousands are meant."""
    text = text.rstrip(".,")
    groups = re.fullmatch(r"[1-9]\d{0,2}((?:\.\d{3})+)", text) or re.fullmatch(r"[1-9]\d{0,2}((?:,\d{3})+)", text)
    if groups:
        several = len(groups[1]) > 4
        return Decimal(re.sub(r"[.,]", "", text)) if thousands or several else None
    mixed = re.fullmatch(r"(\d{1,3}(?:\.\d{3})+),(\d+)", text)
    if mixed:
        return Decimal(f"{mixed[1].replace('.', '')}.{mixed[2]}")
    return Decimal(text.replace(",", ".")) if re.fullmatch(r"\d+(?:[.,]\d+)?", text) else None


def _clean(text: str) -> str:
    return re.sub(r"\s+", " ", nfc(text)).strip()


def _split(text: str, sign: str) -> list[str]:
    """Parts between the sign where it stands outside brackets and not between digits (`12,5`)."""
    depth, cuts = 0, [-1]
    for at, one in enumerate(text):
        depth += (one == "(") - (one == ")")
        in_number = sign == "," and text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit()
        if one == sign and depth <= 0 and not in_number:
            cuts.append(at)
    parts = [text[start + 1 : end].strip() for start, end in pairwise([*cuts, len(text)])]
    return [part for part in parts if part] or [text]
