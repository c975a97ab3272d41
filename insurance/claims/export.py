"""The month's claims as files: one for each visit, named by claim code, or one for all, with a manifest.

The same data gives the same bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path

from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.functions import Coalesce

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.service import audit_facts, service
from insurance.claims.manifest import MANIFEST, Exported, ExportResult, LeftOut
from insurance.claims.queries import without_split
from insurance.claims.services import NO_SPLIT, refresh
from insurance.claims.targets import FileEach, Folder, OneEnvelope, Store, Target, WithCheckIns, Zip
from insurance.claims.write import Written, write_month
from insurance.locks import lock_claims
from insurance.models import Claim
from insurance.rules.catalogs import rule_books

__all__ = ["MANIFEST", "ExportResult", "Exported", "LeftOut", "export_month", "zip_name"]

CHUNK = 200
MARK_CHUNK = 5000
PASSES = 3
CHANGING = "Lượt khám đang được sửa trong lúc xuất, hãy xuất lại"

Listener = Callable[[str, int], None]
"""Told what is being done (`build` or `write`) and how many visits are done, while a statement of the open transaction
runs: it must be quick and must not use the caller's database connection."""


@service(action="claims.export_month", permission="claims.export")
def export_month(
    *,
    month: date,
    out_dir: Path,
    actor: Actor,
    at: datetime,
    standard: str = "",
    check_in_dir: Path | None = None,
    single_file: bool = False,
    zipped: bool = False,
    progress: Listener | None = None,
) -> ExportResult:
    """Write every claim of the actor's facility whose claim month is `month` into `out_dir` (xuất hồ sơ tháng).

    Claims that no longer say what their records say are built first; the others are written as they are stored.
    Afterwards the folder holds one `<claim code>.xml` for each claim of the month, `manifest.json`, and no other
    claim file of an earlier run. With `single_file` it holds one file for each standard of the month instead, which
    carries all claims; with `zipped` the same files stand in `<facility>-<month>.zip`. An error in one visit is
    reported in the manifest and stops no other. With `check_in_dir`, that folder holds the message of arrival (XML0)
    of each of these visits but emergencies.
    """
    lock_claims(actor.facility)
    errors: dict[int, str] = {}
    for attempt in range(1, PASSES + 1):
        target = _target(actor.facility.code, month, out_dir, single_file=single_file, zipped=zipped)
        if check_in_dir is not None:
            target = WithCheckIns(target, check_in_dir)
        changing = CHANGING if attempt == PASSES else ""
        written = _write(actor.facility, month, target, standard, errors, changing, progress)
        if not written.stale:
            break
        errors |= _build(actor, written.stale, at, standard, progress)
    _mark(written, at)
    result = written.result
    audit_facts(month=result.month, claims=len(result.files), errors=len(result.errors))
    return result


def zip_name(facility_code: str, month: date) -> str:
    """What the zip of a month is called."""
    return f"{facility_code}-{month:%Y-%m}.zip"


def _target(code: str, month: date, out_dir: Path, *, single_file: bool, zipped: bool) -> Target:
    store: Store = Zip(out_dir / zip_name(code, month)) if zipped else Folder(out_dir, claims_of=code)
    return OneEnvelope(code, month, store) if single_file else FileEach(code, store)


def _write(
    facility: Facility,
    month: date,
    target: Target,
    standard: str,
    errors: Mapping[int, str],
    changing: str,
    progress: Listener | None,
) -> Written:
    """One pass over the month; what it wrote is complete unless some claim must be built first."""
    try:
        written = write_month(
            facility=facility,
            month=month,
            target=target,
            standard=standard,
            errors=errors,
            changing=changing,
            progress=partial(progress, "write") if progress else None,
        )
        if written.stale:
            target.abandon()
            return written
        lacking = without_split(facility, month).values_list("claim_code", flat=True)
        written.result.left_out += [LeftOut(code, "error", NO_SPLIT) for code in lacking]
        written.result.left_out.sort(key=lambda row: row.claim_code)
        target.finish(written.result)
    except BaseException:
        target.abandon()
        raise
    return written


def _build(
    actor: Actor, visit_ids: Sequence[int], at: datetime, standard: str, progress: Listener | None
) -> dict[int, str]:
    """Build the claims of these visits; answers by visit why some cannot be built."""
    errors: dict[int, str] = {}
    books = rule_books(actor.facility)
    for start in range(0, len(visit_ids), CHUNK):
        chunk = visit_ids[start : start + CHUNK]
        errors |= refresh(chunk, books, actor, at, standard).errors
        if progress is not None:
            progress("build", start + len(chunk))
    return errors


def _mark(written: Written, at: datetime) -> None:
    """Note that claims were exported; a version keeps the time when it first was."""
    state = Case(When(state=Claim.State.CLEAN, then=Value(Claim.State.EXPORTED)), default=F("state"))
    exported_at = Coalesce(F("exported_at"), Value(at, DateTimeField()))
    for start in range(0, len(written.unmarked), MARK_CHUNK):
        claims = Claim.objects.filter(pk__in=list(written.unmarked[start : start + MARK_CHUNK]))
        claims.update(exported_at=exported_at, state=state, catalogs_print=written.catalogs)
