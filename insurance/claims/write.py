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
from datetime import date, timedelta
from decimal import Decimal
from operator import add
from typing import Any

from django.db import connection
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce

from his.accounts.models import Facility
from insurance.claims import fresh
from insurance.claims.findings import BLOCKS
from insurance.claims.inclusion import RULES
from insurance.claims.manifest import TOTALS, ExportResult, LeftOut
from insurance.claims.queries import results_of_month
from insurance.claims.stored import templates
from insurance.claims.targets import Target
from insurance.models import BenefitResult, Claim, ClaimLayout, Finding
from insurance.standards import Template

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
_NUMBERS = {
    "visit_id": "q",
    "verdict": "i",
    "unmarked": "i",
    "finding_count": "q",
    "claim_key": "q",
    "layout_key": "q",
    "made_on_day": "i",
    **dict.fromkeys(TOTALS.values(), "q"),
}
"""Columns that always have a value of one size, in the codes of `struct`: one call reads them all. Amounts are in
hundredths of a đồng."""
_TEXTS = ("visit__claim_code", "claim__standard", "claim__sha256", "claim__body")
_START = struct.Struct(">h" + "".join(f"i{code}" for code in _NUMBERS.values()))
_SIZES = tuple(struct.calcsize(f">{code}") for code in _NUMBERS.values())
_SIZE = struct.Struct(">i")
_COLUMNS = len(_NUMBERS) + len(_TEXTS)
_DAY_ZERO = date(2000, 1, 1)
_FRESH, _STALE = 0, -1


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

    `verdict` is the place of the rule that leaves the visit out, from 1, or says whether the claim is true;
    `unmarked` is 0 when the claim is marked as exported already. Of a visit without a claim much is nothing.
    """
    findings = Finding.objects.filter(BLOCKS, claim_id=OuterRef("claim__id")).order_by().values("claim_id")
    count = Subquery(findings.annotate(n=Count("pk")).values("n"))  # `findings.settle` says in the state if any blocks
    is_marked = Q(claim__exported_at__isnull=False, claim__catalogs_print=catalogs) & ~Q(claim__state=Claim.State.CLEAN)
    left_out = [When(rule.where, then=Value(place)) for place, rule in enumerate(RULES, 1)]
    is_fresh = When(fresh.is_fresh(facility, standard), then=Value(_FRESH))
    rows = results_of_month(facility, month).annotate(
        verdict=Case(*left_out, is_fresh, default=Value(_STALE), output_field=IntegerField()),
        unmarked=Case(When(is_marked, then=Value(0)), default=Value(1), output_field=IntegerField()),
        finding_count=Case(
            When(claim__state=Claim.State.FINDINGS, then=count), default=Value(0), output_field=BigIntegerField()
        ),
        claim_key=Coalesce("claim__id", 0),
        layout_key=Coalesce("claim__layout_id", 0),
        made_on_day=Coalesce("claim__made_on", Value(_DAY_ZERO)),
        **{f"{name}_100": Cast(F(name) * 100, BigIntegerField()) for name in TOTALS.values()},
    )
    numbers = (f"{name}_100" if name in TOTALS.values() else name for name in _NUMBERS)
    return rows.order_by("visit__claim_code").values_list(*numbers, *_TEXTS)


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
    writer = _Writer(written, target, known, errors, changing, progress)
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
        known: Mapping[int, Template],
        errors: Mapping[int, str],
        changing: str,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._written, self._target, self._known, self._errors = written, target, known, errors
        self._changing, self._progress = changing, progress
        self._sums = [0] * len(TOTALS)
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
        amounts = (Decimal(amount) / 100 for amount in self._sums)
        self._written.result.totals.update(zip(TOTALS, amounts, strict=True))

    def _take(self, data: bytes) -> None:
        """One visit of the month, in the columns of `month_rows`."""
        if (columns := _columns(data)) is None:
            return
        (visit, verdict, unmarked, findings, claim, layout, day, *amounts), (code, standard, sha256, body) = columns
        if verdict == _STALE:
            self._left(code.decode(), visit)
        elif verdict != _FRESH:
            self._written.result.left_out.append(LeftOut(code.decode(), "rule", RULES[verdict - 1].reason_vi))
        elif not self._written.stale:
            name, of = code.decode(), standard.decode()
            size = self._target.write(name, of, self._known[layout], _DAY_ZERO + timedelta(day), body)
            self._written.result.files.add(name, size, sha256.decode(), of, findings)
            self._sums = list(map(add, self._sums, amounts))
            if unmarked:
                self._written.unmarked.append(claim)
        self._seen += 1
        if self._progress is not None and self._seen % TOLD_EVERY == 0:
            self._progress(self._seen)

    def _left(self, code: str, visit: int) -> None:
        """A claim that is not true to its record: left out for a reason, or to be built."""
        if reason := self._errors.get(visit) or self._changing:
            self._written.result.left_out.append(LeftOut(code, "error", reason))
        else:
            self._written.stale.append(visit)


def _columns(data: bytes) -> tuple[tuple[int, ...], list[bytes]] | None:
    """One message of a binary COPY: numbers and texts; None for the one that ends it. Refuses what is no whole row."""
    at = _HEADER if data.startswith(_SIGNATURE) else 0
    if len(data) - at == len(_TRAILER) and data.endswith(_TRAILER):
        return None
    head = _START.unpack_from(data, at)
    at += _START.size
    texts = []
    for _ in _TEXTS:
        (size,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size
        texts.append(data[at : at + size] if size > 0 else b"")
        at += max(size, 0)
    if head[0] != _COLUMNS or head[1::2] != _SIZES or at != len(data):
        raise ValueError("a row of COPY is not as it was asked for")
    return head[2::2], texts
