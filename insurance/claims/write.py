"""The month's claims from the database to a target, as fast as rows leave the database and in bounded memory.

One COPY statement reads everything, and so one snapshot: the visits of the month, why some make no claim, whether each
claim is still true to its record, and its documents. Each row goes to the target as it comes, while the database is at
work on the next ones and the socket holds those that are ready. A queue and a thread between the two cost more than
they saved.
"""

import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from operator import add
from typing import Any

from django.db import connection
from django.db.models import Case, CharField, Count, F, Func, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.core.money import ZERO
from insurance.claims import fresh
from insurance.claims.findings import BLOCKS
from insurance.claims.inclusion import LEFT_OUT, reason_column
from insurance.claims.manifest import TOTALS, ExportResult, LeftOut
from insurance.claims.queries import results_of_month
from insurance.claims.stored import templates
from insurance.claims.targets import Target
from insurance.models import BenefitResult, Claim, ClaimLayout, Finding
from insurance.standards import Template

FIELD = "\x1f"
"""Between two columns of the head of a row."""
TOLD_EVERY = 32
"""Rows after which the listener to the progress is told."""
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
_START, _SIZE = struct.Struct(">hi"), struct.Struct(">i")


@dataclass(slots=True)
class Written:
    """One pass over the month. With `stale` visits, whose claims must be built first, nothing whole was written.

    `unmarked` are the claims written that are not yet marked as exported and as true to the catalogues of `catalogs`.
    """

    result: ExportResult
    catalogs: str
    stale: list[int] = field(default_factory=list)
    unmarked: "array[int]" = field(default_factory=lambda: array("q"))


def month_rows(facility: Facility, month: date, catalogs: str, standard: str = "") -> QuerySet[BenefitResult]:
    """The statement: every closed visit of the month with a split in force, by claim code.

    Two columns: a head of texts, joined by `FIELD`, and the body of the claim. In the head `is_fresh` is empty when the
    claim must be built, `unmarked` when it is marked as exported already; the amounts of `TOTALS` end it.
    """
    findings = Finding.objects.filter(BLOCKS, claim_id=OuterRef("claim__id")).order_by().values("claim_id")
    is_marked = Q(claim__exported_at__isnull=False, claim__catalogs_print=catalogs) & ~Q(claim__state=Claim.State.CLEAN)
    rows = results_of_month(facility, month).annotate(
        left_out_reason=reason_column(),
        is_fresh=_flag(When(LEFT_OUT, then=Value("")), When(fresh.is_fresh(catalogs, standard), then=Value("1"))),
        unmarked=_flag(When(is_marked, then=Value("")), default="1"),
        finding_count=Coalesce(Subquery(findings.annotate(n=Count("pk")).values("n")), 0),
    )
    names = [
        "visit__claim_code",
        "visit_id",
        "left_out_reason",
        "is_fresh",
        "claim__id",
        "unmarked",
        "claim__layout_id",
    ]
    names += ["claim__standard", "claim__made_on", "claim__sha256", "finding_count", *TOTALS.values()]
    marked = [part for name in names for part in (F(name), Value(FIELD))][:-1]
    head = Func(*marked, function="concat", output_field=TextField())  # takes any type, and nothing as empty text
    return rows.order_by("visit__claim_code").values_list(head, "claim__body")


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
    at, while the statement runs: it must not use this connection. The claims of the facility must be locked.
    """
    written = Written(ExportResult(facility.code, f"{month:%Y-%m}"), fresh.catalogs_print(facility))
    rows = month_rows(facility, month, written.catalogs, standard)
    known = templates(set(ClaimLayout.objects.values_list("pk", flat=True)))
    writer = _Writer(written, target, {str(pk): one for pk, one in known.items()}, errors, changing, progress)
    statement, values = rows.query.sql_with_params()
    with connection.cursor() as cursor, row_by_row(cursor):
        select = cursor.mogrify(statement, values)  # the driver puts the values in, COPY takes none
        cursor.copy_expert(b"COPY (" + select + b") TO STDOUT (FORMAT binary)", writer)
    writer.finish()
    return written


@contextmanager
def row_by_row(cursor: Any) -> Iterator[None]:
    """Plans that give the first row at once and sort nothing, by the index on the visit: others work on while it runs.

    Left alone the planner looks for the earliest last row, and would sort the documents of the whole month first.
    """
    before = {}
    for name, value in _PLANNER.items():
        cursor.execute("SELECT current_setting(%s), set_config(%s, %s, true)", [name, name, value])
        before[name] = cursor.fetchone()[0]
    yield
    for name, value in before.items():
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


class _Writer:
    """Takes one row a call from COPY. After a failure it lets the others pass: the driver must read them to the end."""

    def __init__(
        self,
        written: Written,
        target: Target,
        known: Mapping[str, Template],
        errors: Mapping[int, str],
        changing: str,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._written, self._target, self._known, self._errors = written, target, known, errors
        self._changing, self._progress = changing, progress
        self._days: dict[str, date] = {}
        self._sums = [ZERO] * len(TOTALS)
        self._failure: BaseException | None = None
        self._seen = 0

    def write(self, data: bytes) -> None:
        """One message of the protocol."""
        if self._failure is not None:
            return
        try:
            self._take(data)
        except BaseException as error:  # raised again when all is read
            self._failure = error

    def finish(self) -> None:
        """Sum up, or raise what went wrong."""
        if self._failure is not None:
            raise self._failure
        if self._progress is not None:
            self._progress(self._seen)
        self._written.result.totals.update(zip(TOTALS, self._sums, strict=True))

    def _take(self, data: bytes) -> None:
        """One visit of the month, in the columns of `month_rows`; of a visit without a claim much is empty."""
        if (columns := _columns(data)) is None:
            return
        head, body = columns
        code, visit, reason, is_fresh, claim, unmarked, layout, standard, made_on, sha256, findings, *amounts = head
        if reason:
            self._written.result.left_out.append(LeftOut(code, "rule", reason))
        elif not is_fresh:
            self._left(code, int(visit))
        elif not self._written.stale:
            size = self._target.write(code, standard, self._known[layout], self._day(made_on), body)
            self._written.result.files.add(code, size, sha256, standard, int(findings))
            self._sums = list(map(add, self._sums, map(Decimal, amounts)))
            if unmarked:
                self._written.unmarked.append(int(claim))
        self._seen += 1
        if self._progress is not None and self._seen % TOLD_EVERY == 0:
            self._progress(self._seen)

    def _left(self, code: str, visit: int) -> None:
        """A claim that is not true to its record: left out for a reason, or to be built."""
        if reason := self._errors.get(visit) or self._changing:
            self._written.result.left_out.append(LeftOut(code, "error", reason))
        else:
            self._written.stale.append(visit)

    def _day(self, text: str) -> date:
        """The day of an ISO text; a month has few."""
        if text not in self._days:
            self._days[text] = date.fromisoformat(text)
        return self._days[text]


def _columns(data: bytes) -> tuple[list[str], bytes] | None:
    """One message of a binary COPY: head and body; None for the one that ends it. Refuses what is no whole row."""
    at = _HEADER if data.startswith(_SIGNATURE) else 0
    if len(data) - at == len(_TRAILER) and data.endswith(_TRAILER):
        return None
    count, size = _START.unpack_from(data, at)
    start = at + _START.size
    end = start + size
    (size,) = _SIZE.unpack_from(data, end)
    if count != 2 or end + _SIZE.size + max(size, 0) != len(data):
        raise ValueError("a row of COPY is not as it was asked for")
    return data[start:end].decode().split(FIELD), data[end + _SIZE.size :]
