"""How much of an ingredient one unit of a drug holds (hàm lượng): "500mg", "500mg + 125mg", "250mg/5ml", "5%; 10ml".

Amounts are milligrams, or international units where the label counts in them. What cannot be read for certain is None:
a dose is then not checked, never taken for good.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from his.core.text import fold

MG: Final = "mg"
IU: Final = "IU"
_NUMBER = r"(\d+(?:[.,]\d+)*)"
_MILLIGRAMS = {"mcg": Decimal("0.001"), "µg": Decimal("0.001"), "mg": Decimal(1), "g": Decimal(1000)}
_AMOUNT = re.compile(rf"{_NUMBER}\s*(mcg|µg|mg|g|iu|ui|%)?")
_VOLUME = re.compile(rf"(?:{_NUMBER}\s*)?(ml|l)")
_PACK = re.compile(rf"{_NUMBER}\s*(ml|l)")
_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+")


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of one ingredient, in `MG` or `IU`."""

    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Strength:
    """The amounts of the ingredients in the order written: in `per_ml` of a liquid (None: in one unit), which comes in
    packs of `pack_ml` where that is written."""

    amounts: tuple[Amount, ...]
    per_ml: Decimal | None = None
    pack_ml: Decimal | None = None

    def in_unit(self) -> tuple[Amount, ...] | None:
        """The amounts in one unit of dispensing. None for a liquid of which the label does not say how much there is:
        "10mg/ml" alone may be an ampoule of any size."""
        if self.per_ml is None:
            return self.amounts
        if self.pack_ml is not None:
            return self._times(self.pack_ml / self.per_ml)
        return self.amounts if self.per_ml != 1 else None

    def in_ml(self) -> tuple[Amount, ...] | None:
        """The amounts in one ml; None when the strength is not that of a liquid."""
        return self._times(1 / self.per_ml) if self.per_ml else None

    def _times(self, factor: Decimal) -> tuple[Amount, ...]:
        return tuple(Amount(one.value * factor, one.unit) for one in self.amounts)


@lru_cache(maxsize=4096)
def read_strength(text: str) -> Strength | None:
    """The strength that a list writes, or None."""
    plain = fold(text).replace("μ", "µ").replace("(", "").replace(")", "")
    main, *rest = (part.strip() for part in plain.split(";"))
    pack = next((volume for part in rest if (volume := _volume(_PACK.fullmatch(part))) is not None), None)
    share, slash, volume_text = main.rpartition("/")
    if not slash or not _VOLUME.fullmatch(volume_text.strip()):
        share, volume = main, None
    else:
        volume = _volume(_VOLUME.fullmatch(volume_text.strip()))
    parts = [part.strip() for part in re.split(r"[+/]", share)]
    amounts = [_amount(part) for part in parts]
    if not amounts or any(one is None for one in amounts):
        return None
    found = tuple(one for one in amounts if one is not None)
    if any("%" in part for part in parts):
        # Grams in 100 ml; mixed with other units it is not certain what is meant.
        if not all("%" in part for part in parts) or volume is not None:
            return None
        volume = Decimal(100)
    return Strength(found, volume, pack)


def _amount(text: str) -> Amount | None:
    match = _AMOUNT.fullmatch(text)
    if match is None or match[2] is None:
        return None
    value, unit = _number(match[1], are_counted=match[2] in ("iu", "ui")), match[2]
    if value is None or value <= 0:
        return None
    if unit in ("iu", "ui"):
        return Amount(value, IU)
    return Amount(value * (Decimal(1000) if unit == "%" else _MILLIGRAMS[unit]), MG)


def _volume(match: re.Match[str] | None) -> Decimal | None:
    if match is None:
        return None
    value = _number(match[1]) if match[1] else Decimal(1)
    return value * (1000 if match[2] == "l" else 1) if value else None


def _number(text: str, *, are_counted: bool = False) -> Decimal | None:
    """As labels write it: "7,5", "3058.83", "1.250,5", in counted units "100.000"; None for what is not certain."""
    if _THOUSANDS.fullmatch(text):
        # 1.250mg may be 1250 or 1,25; nobody writes 100.000IU for a hundred.
        return Decimal(text.replace(".", "")) if are_counted or text.count(".") > 1 else None
    if text.count(",") > 1 or (text.count(".") > 1 and "," not in text):
        return None
    return Decimal(text.replace(".", "").replace(",", ".") if "," in text else text)
