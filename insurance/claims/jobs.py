"""Work on a whole month that outlasts a request: a thread of the server builds or exports, the screen asks how far.

A job is a row (`ClaimJob`); one at a time for each facility and month. A server that stops takes its threads along:
a job that was not heard of for a while has ended, and can be started again.
"""

import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.utils import timezone

from his.accounts.actor import Actor, actor_for
from his.accounts.models import Facility
from his.core.errors import NotFound, Refusal, Unwritable
from his.service import audit_facts, service
from insurance.claims.export import export_month, zip_name
from insurance.claims.month_check import check_month
from insurance.claims.queries import funnel
from insurance.claims.services import build_month, visits_of_month
from insurance.models import ClaimJob
from insurance.rules.catalogs import rule_books

logger = logging.getLogger(__name__)

CHUNK = 200
SILENT = timedelta(minutes=2)
"""A running job that was not heard of for so long has ended with its server."""
KEPT = timedelta(days=1)
"""How long the file of an export is kept."""
LISTED_MAX = 200
"""Visits named one by one in the result; the manifest names all."""
_TOLD = "UPDATE insurance_claimjob SET done = %s, message = %s, seen_at = %s WHERE id = %s"
_WORDS = {"build": "Lập các hồ sơ chưa có hoặc đã đổi", "write": "Ghi tệp", "compare": "So các hồ sơ với nhau"}
_EVERY = 0.5


@service(action="claims.start_build", permission="claims.build")
def start_build(*, month: date, actor: Actor, at: datetime) -> ClaimJob:
    """Begin to build all claims of a month in the background. Refuses `already_running`."""
    return _start(ClaimJob.Kind.BUILD, month, actor, at)


@service(action="claims.start_export", permission="claims.export")
def start_export(*, month: date, actor: Actor, at: datetime) -> ClaimJob:
    """Begin to export a month in the background; the finished zip is kept for its owner for a day. Refuses
    `already_running`."""
    return _start(ClaimJob.Kind.EXPORT, month, actor, at)


def _start(kind: str, month: date, actor: Actor, at: datetime) -> ClaimJob:
    month = month.replace(day=1)
    close_silent(actor.facility, at)
    total = visits_of_month(actor.facility, month).count()
    try:
        with transaction.atomic():
            job = ClaimJob.objects.create(
                facility=actor.facility, kind=kind, month=month, total=total, started_at=at, seen_at=at, by=actor.user
            )
    except IntegrityError:
        raise Refusal("already_running", "Tháng này đang được lập hoặc xuất, hãy chờ xong") from None
    audit_facts(month=month.strftime("%Y-%m"), kind=kind)
    transaction.on_commit(lambda: Thread(target=_in_thread, args=(job.pk,), name=f"job-{job.pk}", daemon=True).start())
    return job


def running(facility: Facility, month: date) -> ClaimJob | None:
    """The job at work on the month, if any."""
    rows = ClaimJob.objects.for_facility(facility).filter(month=month.replace(day=1), state=ClaimJob.State.RUNNING)
    return rows.first()


def get_job(actor: Actor, pk: int) -> ClaimJob:
    """A job of the actor's facility. Raises NotFound."""
    job = ClaimJob.objects.for_facility(actor.facility).filter(pk=pk).select_related("by").first()
    if job is None:
        raise NotFound
    return job


def close_silent(facility: Facility, at: datetime) -> None:
    """Jobs that ended with their server are said to have failed, so that a new one can begin."""
    rows = ClaimJob.objects.for_facility(facility).filter(state=ClaimJob.State.RUNNING, seen_at__lt=at - SILENT)
    rows.update(state=ClaimJob.State.FAILED, ended_at=at, message="Máy chủ đã dừng giữa chừng, hãy làm lại")


def zip_of(job: ClaimJob) -> Path:
    """Where the file of an export lies, whether it is there or not."""
    return folder() / f"{job.pk}.zip"


def folder() -> Path:
    """The private folder of finished exports."""
    place = Path(settings.VAR_DIR) / "exports"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def drop_old(at: datetime) -> None:
    """Delete files of exports that are older than a day."""
    for path in folder().glob("*.zip"):
        if path.stat().st_mtime < (at - KEPT).timestamp():
            path.unlink(missing_ok=True)


def _in_thread(pk: int) -> None:
    try:
        run(ClaimJob.objects.select_related("facility", "by").get(pk=pk))
    finally:
        connections.close_all()


def run(job: ClaimJob) -> None:
    """Do the work of a job to its end and keep what it came to. A failure is kept in words and never raised."""
    try:
        actor = actor_for(job.by, job.facility)
        work = {ClaimJob.Kind.BUILD: _build, ClaimJob.Kind.EXPORT: _export}[ClaimJob.Kind(job.kind)]
        with Told(job) as told:
            job.result = work(job, actor, told)
        job.state, job.done, job.message = ClaimJob.State.DONE, job.total, ""
    except Refusal as refusal:
        job.state, job.message = ClaimJob.State.FAILED, refusal.message_vi
    except OSError as error:
        job.state, job.message = ClaimJob.State.FAILED, Unwritable(error).message_vi
    except Exception as error:  # nobody waits for this thread: what went wrong must stand in the row
        logger.exception("job %s failed", job.pk)
        job.state, job.message = ClaimJob.State.FAILED, f"Lỗi của phần mềm: {type(error).__name__}"
    job.message = job.message[:500]
    job.seen_at = job.ended_at = timezone.now()
    job.save(update_fields=["state", "done", "result", "message", "seen_at", "ended_at"])


class Told:
    """Writes how far a job is over a connection of its own, while the transaction of the work is still open."""

    def __init__(self, job: ClaimJob) -> None:
        self._job, self._last = job, 0.0
        self._connection = connections.create_connection(DEFAULT_DB_ALIAS)

    def __enter__(self) -> "Told":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(self, what: str, done: int) -> None:
        """`done` visits are through; said at most twice a second."""
        if monotonic() - self._last < _EVERY:
            return
        self._last = monotonic()
        with self._connection.cursor() as cursor:
            cursor.execute(_TOLD, [done, _WORDS[what], timezone.now(), self._job.pk])


Work = Callable[[ClaimJob, Actor, Told], dict[str, Any]]


def _build(job: ClaimJob, actor: Actor, told: Told) -> dict[str, Any]:
    """Build chunk by chunk, each stored when it is done, with one set of rules; then compare the claims."""
    books = rule_books(actor.facility)
    errors: list[tuple[str, str]] = []
    after, looked_at = "", 0
    while True:
        step = build_month(month=job.month, actor=actor, at=timezone.now(), after=after, limit=CHUNK, books=books)
        errors += step.errors
        looked_at += CHUNK
        told("build", min(looked_at, job.total))
        if not step.cursor:
            break
        after = step.cursor
    shared = check_month(
        month=job.month, actor=actor, at=timezone.now(), books=books, progress=partial(told, "compare")
    )
    counts = funnel(actor.facility, job.month)
    shown = {view: counts[view] for view in ("built", "findings", "warnings")}  # the numbers of the screen
    return {**shown, "shared": shared, "errors": len(errors), "failed": errors[:LISTED_MAX]}


def _export(job: ClaimJob, actor: Actor, told: Told) -> dict[str, Any]:
    """Export into a zip beside its place and move it there when it is whole."""
    drop_old(timezone.now())
    with tempfile.TemporaryDirectory(dir=folder()) as place:
        made = export_month(
            month=job.month, out_dir=Path(place), actor=actor, at=timezone.now(), zipped=True, progress=told
        )
        os.replace(Path(place) / zip_name(actor.facility.code, job.month), zip_of(job))
    reasons = Counter(row.reason for row in made.left_out if row.kind != "error")
    return {
        "claims": len(made.files),
        "with_findings": made.files.with_findings,
        "totals": {name: f"{amount:.2f}" for name, amount in made.totals.items()},
        "left_out": reasons.most_common(),
        "errors": len(made.errors),
        "failed": [(row.claim_code, row.reason) for row in made.errors[:LISTED_MAX]],
        "bytes": zip_of(job).stat().st_size,
    }
