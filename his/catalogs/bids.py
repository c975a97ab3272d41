"""The bid text of a drug or supply (TT_THAU): decision;package;group;year[;package.year][;issuer].

The format is that of the claim standard (QĐ 130/QĐ-BYT with QĐ 4750 and QĐ 3176: XML2 and XML3, TT_THAU). The original
text is what claims carry; only what can be told is taken out of it, nothing is guessed.
"""

import re
from dataclasses import dataclass

_PACKAGE = re.compile(r"^G\d{1,3}$")
_GROUP = re.compile(r"^N\d{1,2}$")
_YEAR = re.compile(r"^(?:19|20)\d\d$")
_SECOND = re.compile(r"^G\d{1,3}\.\d{2}$")
_ISSUER = re.compile(r"^\d{2}$|^\d{5}$")


@dataclass(frozen=True, slots=True)
class Bid:
    """Parts of a bid text; empty where the text does not tell.

    `second` is the package and year of a second winner (G2.26). `issuer` says whose bid is borrowed: 00 the nation's,
    two digits a province's, five digits a facility's. `rest` are the parts that do not fit the format.
    """

    text: str
    decision: str = ""
    package: str = ""
    group: str = ""
    year: str = ""
    second: str = ""
    issuer: str = ""
    rest: tuple[str, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether decision and year are known and nothing is left over."""
        return bool(self.decision and self.year) and not self.rest


def read_bid(text: str) -> Bid:
    """The parts of a bid text. A self-made drug has document and year only; `720/QĐ-SYT.93;G1;N4;2026` is a supply's
    borrowed bid with the issuer after the decision."""
    parts = [part.strip() for part in text.split(";")]
    if not parts[0]:
        return Bid(text)
    found = {"decision": parts[0]}
    decision, dot, issuer = parts[0].rpartition(".")
    if dot and decision and _ISSUER.match(issuer):
        found = {"decision": decision, "issuer": issuer}
    shapes = (("package", _PACKAGE), ("group", _GROUP), ("year", _YEAR), ("second", _SECOND), ("issuer", _ISSUER))
    rest = []
    for part in parts[1:]:
        name = next((name for name, shape in shapes if name not in found and shape.match(part.upper())), "")
        if name:
            found[name] = part.upper()
        elif part:
            rest.append(part)
    return Bid(text, **found, rest=tuple(rest))  # type: ignore[arg-type]
