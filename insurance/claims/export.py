"""The month's claims as files: one for each visit, named by claim code, with a manifest.

The same data gives the same bytes.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from his.accounts.actor import Actor
from his.core.money import ZERO
from his.service import audit_facts, service
from insurance.claims.gather import Record, gather
from insurance.claims.services import (
    NO_SPLIT,
    Built,
    reason_left_out,
    store,
    try_build,
    visits_of_month,
    without_split,
)
from insurance.locks import lock_claims
from insurance.models import Claim
from patients.models import Visit

CHUNK = 200
MANIFEST = "manifest.json"
_TOTALS = {
    "T_TONGCHI_BV": "total_hospital_amount",
    "T_TONGCHI_BH": "total_insured_amount",
    "T_BHTT": "fund_amount",
    "T_BNCCT": "copay_amount",
    "T_BNTT": "self_paid_amount",
    "T_NGUONKHAC": "other_amount",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """One file: which claim, how large, its SHA-256, and how many findings it has."""

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


@dataclass(slots=True)
class ExportResult:
    """What an export wrote. Totals are đồng over the files written."""

    facility: str
    month: str
    files: list[Exported] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    totals: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(_TOTALS, ZERO))

    @property
    def errors(self) -> list[LeftOut]:
        return [row for row in self.left_out if row.kind == "error"]

    def manifest(self) -> dict[str, object]:
        """The content of manifest.json."""
        return {
            "facility": self.facility,
            "month": self.month,
            "standards": sorted({row.standard for row in self.files}),
            "counts": {
                "claims": len(self.files),
                "claims_with_findings": sum(1 for row in self.files if row.findings),
                "left_out": len(self.left_out),
                "errors": len(self.errors),
            },
            "totals": {name: f"{amount:.2f}" for name, amount in self.totals.items()},
            "files": [asdict(row) for row in self.files],
            "left_out": [asdict(row) for row in self.left_out],
        }


@service(action="claims.export_month", permission="claims.export")
def export_month(
    *,
    month: date,
    out_dir: Path,
    actor: Actor,
    at: datetime,
    standard: str = "",
    check_in_dir: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> ExportResult:
    """Write every claim of the actor's facility whose claim month is `month` into `out_dir` (xuất hồ sơ tháng).

    Afterwards the folder holds one `<claim code>.xml` for each claim of the month, `manifest.json`, and no other
    claim file of an earlier run. An error in one visit is reported in the manifest and stops no other.
    With `check_in_dir`, that folder holds the message of arrival (XML0) of each of these visits but emergencies.
    """
    lock_claims(actor.facility)
    for folder in (out_dir, check_in_dir or out_dir):
        folder.mkdir(parents=True, exist_ok=True)
    (out_dir / MANIFEST).unlink(missing_ok=True)  # a folder with a manifest is complete
    result = ExportResult(actor.facility.code, month.strftime("%Y-%m"))
    for visits in _chunks(actor, month):
        records = gather(actor.facility, visits)
        lacking = without_split(visits, records)
        result.left_out += [LeftOut(visit.claim_code, "error", NO_SPLIT) for visit in lacking]
        made = _export_chunk(records, out_dir, result, actor, at, standard)
        if check_in_dir is not None:
            _write_check_ins(check_in_dir, made)
        if progress is not None:
            progress(len(result.files) + len(result.left_out))
    _remove_stale(out_dir, actor.facility.code, {row.file for row in result.files})
    text = json.dumps(result.manifest(), ensure_ascii=False, indent=1, sort_keys=False) + "\n"
    (out_dir / MANIFEST).write_text(text, encoding="utf-8")
    audit_facts(month=result.month, claims=len(result.files), errors=len(result.errors))
    return result


def _chunks(actor: Actor, month: date) -> Iterator[list[Visit]]:
    visits = visits_of_month(actor.facility, month)
    ids = list(visits.values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        chunk = {visit.pk: visit for visit in visits.filter(pk__in=ids[start : start + CHUNK])}
        yield [chunk[pk] for pk in ids[start : start + CHUNK]]


def _export_chunk(
    records: list[Record], out_dir: Path, result: ExportResult, actor: Actor, at: datetime, standard: str
) -> list[tuple[Record, Built]]:
    made = []
    for record in records:
        built = _built(record, result, standard)
        if built is not None:
            made.append((record, built))
    claims = store(made, actor, at)
    clean = [claim.pk for claim, (_, built) in zip(claims, made, strict=True) if not built.problems]
    Claim.objects.filter(pk__in=[claim.pk for claim in claims]).update(exported_at=at)
    Claim.objects.filter(pk__in=clean).update(state=Claim.State.EXPORTED)
    for record, built in made:
        exported = _exported(record.visit.claim_code, built)
        (out_dir / exported.file).write_bytes(built.content)
        result.files.append(exported)
        for name, attribute in _TOTALS.items():
            result.totals[name] += getattr(record.result, attribute)
    return made


def _write_check_ins(folder: Path, made: list[tuple[Record, Built]]) -> None:
    for record, built in made:
        if built.check_in:
            (folder / f"{record.visit.claim_code}.xml").write_bytes(built.check_in)


def _built(record: Record, result: ExportResult, standard: str) -> Built | None:
    """The claim of one record, or None with the reason in the result."""
    code = record.visit.claim_code
    if reason := reason_left_out(record):
        result.left_out.append(LeftOut(code, "rule", reason))
        return None
    built = try_build(record, standard)
    if isinstance(built, str):
        result.left_out.append(LeftOut(code, "error", built))
        return None
    return built


def _exported(code: str, built: Built) -> Exported:
    digest = hashlib.sha256(built.content).hexdigest()
    return Exported(code, f"{code}.xml", len(built.content), digest, built.standard.name, len(built.problems))


def _remove_stale(out_dir: Path, facility: str, written: set[str]) -> None:
    """Claim files of the facility from an earlier run; other files of the folder are not ours."""
    for path in out_dir.glob(f"{facility}.*.xml"):
        if path.name not in written:
            path.unlink()
