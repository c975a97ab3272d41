"""What an export wrote and what it left out: kept small in memory, written as manifest.json."""

import json
import re
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import overload

from his.core.money import ZERO

MANIFEST = "manifest.json"
TOTALS = {
    "T_TONGCHI_BV": "total_hospital_amount",
    "T_TONGCHI_BH": "total_insured_amount",
    "T_BHTT": "fund_amount",
    "T_BNCCT": "copay_amount",
    "T_BNTT": "self_paid_amount",
    "T_NGUONKHAC": "other_amount",
}
_PACKED = struct.Struct(">IHH32s")
_OWN = '.xml"'
_encode = json.JSONEncoder(ensure_ascii=False).encode


_STRING = rb'"(?:[^"\\]|\\.)*"'
_HEAD = re.compile(
    rb'\{\s*"facility": ' + _STRING + rb',\s*"month": "\d{4}-\d\d",\s*"standards": \[(?:' + _STRING + rb"(?:, )?)*\],"
    rb'\s*"counts": \{"claims": \d+, "claims_with_findings": \d+, "left_out": \d+, "errors": \d+\},\s*"totals": \{'
)


def is_manifest(name: str, head: bytes) -> bool:
    """Whether a file of that name which begins so (2000 bytes are enough) is the manifest of an export of ours."""
    return name == MANIFEST and _HEAD.match(head) is not None


@dataclass(frozen=True, slots=True)
class Exported:
    """One claim: which, in which file, how large its own file is, its SHA-256, and how many findings it has."""

    claim_code: str
    file: str
    bytes: int
    sha256: str
    standard: str
    findings: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A closed visit without a file and why: `error` when something must be mended, else a rule."""

    claim_code: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """One file that carries many claims."""

    file: str
    claims: int
    bytes: int
    sha256: str


class ExportedList(Sequence[Exported]):
    """The claims of an export, some seventy bytes each: a month may have hundreds of thousands."""

    def __init__(self) -> None:
        self._packed, self._ends = bytearray(), array("Q")
        self._standards: list[str] = []
        self.with_findings = 0
        self.files: dict[str, str] = {}
        """The common file of the claims of a standard; without one each has its own."""

    def add(self, claim_code: str, size: int, sha256: str, standard: str, findings: int) -> None:
        """One more claim. `size` is in bytes."""
        if standard not in self._standards:
            self._standards.append(standard)
        self.with_findings += findings > 0
        self._packed += _PACKED.pack(size, findings, self._standards.index(standard), bytes.fromhex(sha256))
        self._packed += claim_code.encode()
        self._ends.append(len(self._packed))

    @property
    def standards(self) -> list[str]:
        return sorted(self._standards)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> Exported: ...
    @overload
    def __getitem__(self, index: slice) -> list[Exported]: ...
    def __getitem__(self, index: int | slice) -> Exported | list[Exported]:
        wanted = range(len(self))[index]
        found = [self._exported(*row) for row in self._rows(wanted if isinstance(wanted, range) else [wanted])]
        return found if isinstance(wanted, range) else found[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def json_lines(self) -> Iterator[str]:
        """Each claim as JSON, straight from what is kept of it; nothing of it but the names needs quoting with care."""
        standards = [_encode(name) for name in self._standards]
        common = [_encode(self.files[name]) if name in self.files else "" for name in self._standards]
        for code, size, findings, place, digest in self._rows(range(len(self))):
            quoted = _encode(code)
            yield (
                f'{{"claim_code": {quoted}, "file": {common[place] or quoted[:-1] + _OWN}, "bytes": {size},'
                f' "sha256": "{digest.hex()}", "standard": {standards[place]}, "findings": {findings}}}'
            )

    def _rows(self, numbers: Iterable[int]) -> Iterator[tuple[str, int, int, int, bytes]]:
        """Code, size, findings, place of the standard and digest of the claims with these numbers."""
        packed, ends = self._packed, self._ends
        for number in numbers:
            start = ends[number - 1] if number else 0
            size, findings, place, digest = _PACKED.unpack_from(packed, start)
            yield packed[start + _PACKED.size : ends[number]].decode(), size, findings, place, digest

    def _exported(self, code: str, size: int, findings: int, place: int, digest: bytes) -> Exported:
        standard = self._standards[place]
        return Exported(code, self.files.get(standard, f"{code}.xml"), size, digest.hex(), standard, findings)


@dataclass(slots=True)
class ExportResult:
    """What an export wrote. Totals are đồng over the claims written; `envelopes` are files that carry many of them."""

    facility: str
    month: str
    files: ExportedList = field(default_factory=ExportedList)
    left_out: list[LeftOut] = field(default_factory=list)
    totals: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(TOTALS, ZERO))
    envelopes: list[Envelope] = field(default_factory=list)

    @property
    def errors(self) -> list[LeftOut]:
        return [row for row in self.left_out if row.kind == "error"]

    def manifest(self) -> dict[str, object]:
        """The content of manifest.json."""
        found: dict[str, object] = {
            "facility": self.facility,
            "month": self.month,
            "standards": self.files.standards,
            "counts": {
                "claims": len(self.files),
                "claims_with_findings": self.files.with_findings,
                "left_out": len(self.left_out),
                "errors": len(self.errors),
            },
            "totals": {name: f"{amount:.2f}" for name, amount in self.totals.items()},
        }
        if self.envelopes:
            found["envelopes"] = [asdict(row) for row in self.envelopes]
        return found | {"files": self.files, "left_out": self.left_out}

    def manifest_text(self) -> Iterator[str]:
        """The manifest as JSON, a line for each claim, so that no list of them is held as text."""
        before = "{"
        for name, value in self.manifest().items():
            yield f"{before}\n {_encode(name)}: "
            before = ","
            if name == "files":
                yield from _lines(self.files.json_lines())
            elif name == "left_out":
                yield from _lines(_encode(asdict(row)) for row in self.left_out)
            else:
                yield _encode(value)
        yield "\n}\n"


def _lines(rows: Iterable[str]) -> Iterator[str]:
    before = "["
    for row in rows:
        yield f"{before}\n  {row}"
        before = ","
    yield "[]" if before == "[" else "\n ]"
