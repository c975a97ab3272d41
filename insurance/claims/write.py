"""The month's claims from the database to a target, as fast as rows leave the database and in bounded memory.

One COPY statement reads everything, and so one snapshot: the visits of the month, why some make no claim, whether each
claim is still true to its record, and its texts. The calling thread reads rows and puts them into a short queue; a
writer thread turns texts into bytes and hands them to the target, while the database is at work on the next rows.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from queue import Queue
from threading import Thread
from typing import Any, NamedTuple

from django.db import connection, connections
from django.db.models import Case, CharField, Count, F, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Coalesce

from his.accounts.models import Facility
from insurance.claims import fresh
from insurance.claims.inclusion import LEFT_OUT, reason_column
from insurance.claims.manifest import TOTALS, ExportResult, LeftOut
from insurance.claims.queries import results_of_month
from insurance.claims.stored import templates
from insurance.claims.targets import Target
from insurance.models import BenefitResult, Claim, ClaimLayout, Finding
from insurance.standards import Template

BATCH = 32
"""Rows that are handed over at once; the queue holds as many batches."""
_DEPTH = 16
_PLANNER = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_HEADER = len(_SIGNATURE) + 8
_TRAILER = b"\xff\xff"
_SIZE = struct.Struct(">i")


class Row(NamedTuple):
    """One visit of the month as the statement gives it, all as text in UTF-8; of a visit without a claim much is None.

    `is_fresh` is empty when the claim must be built; `marks` is empty when the claim is marked as exported already.
    """

    code: bytes
    visit: bytes
    reason: bytes
    is_fresh: bytes
    claim: bytes | None
    marks: bytes
    layout: bytes | None
    standard: bytes | None
    made_on: bytes | None
    sha256: bytes | None
    findings: bytes
    amounts: tuple[bytes, ...]
    body: bytes | None


@dataclass(slots=True)
class Written:
    """One pass over the month. With `stale` visits, whose claims must be built first, nothing whole was written.

    `unmarked` are the claims written that are not yet marked as exported and as true to the catalogues of `catalogs`.
    """

    result: ExportResult
    catalogs: str
    stale: list[int] = field(default_factory=list)
    unmarked: list[int] = field(default_factory=list)


def month_rows(facility: Facility, month: date, catalogs: str, standard: str = "") -> QuerySet[BenefitResult]:
    """The statement: every closed visit of the month with a split in force, by claim code, in the order of `Row`."""
    findings = Finding.objects.filter(claim_id=OuterRef("claim__id")).order_by().values("claim_id")
    is_marked = Q(claim__exported_at__isnull=False, claim__catalogs_print=catalogs) & ~Q(claim__state=Claim.State.CLEAN)
    rows = results_of_month(facility, month).annotate(
        left_out_reason=reason_column(),
        is_fresh=_flag(When(LEFT_OUT, then=Value("")), When(fresh.is_fresh(catalogs, standard), then=Value("1"))),
        marks=_flag(When(is_marked, then=Value("")), default="1"),
        finding_count=Coalesce(Subquery(findings.annotate(n=Count("pk")).values("n")), 0),
    )
    texts = ["visit_id", "left_out_reason", "is_fresh", "claim__id", "marks", "claim__layout_id", "claim__standard"]
    texts += ["claim__made_on", "claim__sha256", "finding_count", *TOTALS.values()]
    columns = [Cast(F(name), TextField()) for name in texts]
    return rows.order_by("visit__claim_code").values_list("visit__claim_code", *columns, "claim__body")


def _flag(*whens: When, default: str = "") -> Case:
    return Case(*whens, default=Value(default), output_field=CharField())


def write_month(
    *,
    facility: Facility,
    month: date,
    target: Target,
    standard: str = "",
    errors: Mapping[int, str],
    changing: str = "",
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write every claim of the month into the target, unless one must be built first: then only name those.

    `errors` says by visit why a claim cannot be built: it is left out. With `changing`, a claim that is not true to
    its record is left out for that reason, and all others are written. `progress` is told how many visits were looked
    at, from the writer's thread. The claims of the facility must be locked.
    """
    written = Written(ExportResult(facility.code, f"{month:%Y-%m}"), fresh.catalogs_print(facility))
    writer = _Writer(written, target, errors, changing, progress)
    rows = month_rows(facility, month, written.catalogs, standard)
    known = templates(set(ClaimLayout.objects.values_list("pk", flat=True)))
    writer.templates = {str(pk).encode(): template for pk, template in known.items()}
    queue: Queue[list[bytes] | None] = Queue(_DEPTH)
    thread = Thread(target=writer.run, args=(queue,), name="claims")
    thread.start()
    try:
        _read(rows, queue)
    finally:
        queue.put(None)
        thread.join()
    if writer.failure is not None:
        raise writer.failure
    return written


class _Batches:
    """Takes one row a call from COPY and hands them over in batches."""

    def __init__(self, queue: "Queue[list[bytes] | None]") -> None:
        self._queue, self._rows = queue, list[bytes]()

    def write(self, row: bytes) -> None:
        self._rows.append(row)
        if len(self._rows) == BATCH:
            self.flush()

    def flush(self) -> None:
        self._queue.put(self._rows)
        self._rows = []


def _read(rows: QuerySet[BenefitResult], queue: "Queue[list[bytes] | None]") -> None:
    statement, values = rows.query.sql_with_params()
    batches = _Batches(queue)
    with connection.cursor() as cursor, row_by_row(cursor):
        select = cursor.mogrify(statement, values)  # the driver puts the values in, COPY takes none
        cursor.copy_expert(b"COPY (" + select + b") TO STDOUT (FORMAT binary)", batches)
    batches.flush()


@contextmanager
def row_by_row(cursor: Any) -> Iterator[None]:
    """Plans that give the first row at once and sort nothing, by the index on the visit: others work on while it runs.

    Left alone the planner looks for the earliest last row, and would sort the texts of the whole month first.
    """
    before = {}
    for name, value in _PLANNER.items():
        cursor.execute("SELECT current_setting(%s), set_config(%s, %s, true)", [name, name, value])
        before[name] = cursor.fetchone()[0]
    yield
    for name, value in before.items():
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


class _Writer:
    """Runs in a thread of its own and touches no connection. After a failure it only empties the queue."""

    def __init__(
        self,
        written: Written,
        target: Target,
        errors: Mapping[int, str],
        changing: str,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.written, self.target, self.errors, self.changing, self.progress = (
            written,
            target,
            errors,
            changing,
            progress,
        )
        self.templates: Mapping[bytes, Template] = {}
        self.failure: BaseException | None = None
        self.seen = 0

    def run(self, queue: "Queue[list[bytes] | None]") -> None:
        while (batch := queue.get()) is not None:
            if self.failure is None:
                try:
                    self._take(batch)
                except BaseException as error:  # the reading thread raises it again
                    self.failure = error
        connections.close_all()  # those of this thread, which a listener to the progress may have opened

    def _take(self, batch: list[bytes]) -> None:
        for data in batch:
            row = _row(data)
            if row is not None:
                self._one(row)
                self.seen += 1
        if self.progress is not None:
            self.progress(self.seen)

    def _one(self, row: Row) -> None:
        result = self.written.result
        if row.reason:
            result.left_out.append(LeftOut(row.code.decode(), "rule", row.reason.decode()))
        elif not row.is_fresh:
            visit = int(row.visit)
            reason = self.errors.get(visit) or self.changing
            if reason:
                result.left_out.append(LeftOut(row.code.decode(), "error", reason))
            else:
                self.written.stale.append(visit)
        elif not self.written.stale:
            self._write(row)

    def _write(self, row: Row) -> None:
        result, code, standard = self.written.result, row.code.decode(), _text(row.standard)
        made_on = date.fromisoformat(_text(row.made_on))
        size = self.target.write(code, standard, self.templates[row.layout or b""], made_on, row.body or b"")
        result.files.add(code, size, _text(row.sha256), standard, int(row.findings))
        for name, amount in zip(TOTALS, row.amounts, strict=True):
            result.totals[name] += Decimal(amount.decode())
        if row.marks:
            self.written.unmarked.append(int(row.claim or 0))


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


def _row(data: bytes) -> Row | None:
    """One message of a binary COPY; None for the one that ends it. Refuses what is no whole row."""
    at = _HEADER if data.startswith(_SIGNATURE) else 0
    if data[at:] == _TRAILER:
        return None
    at += 2  # how many fields follow is known
    fields: list[bytes | None] = []
    while at < len(data):
        (size,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size
        if size < 0:
            fields.append(None)
            continue
        fields.append(data[at : at + size])
        at += size
    if at != len(data):
        raise ValueError("a row of COPY is cut short")
    *head, body = fields
    plain, amounts = head[: -len(TOTALS)], head[-len(TOTALS) :]
    return Row._make([*plain, tuple(amount or b"0" for amount in amounts), body])
