"""What screens, papers and services read of stock-takes.

The book of a lot at an instant is its balance less every movement after that instant, read in one statement. So a
document that is recorded late, with an earlier time, is accounted for too.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from his.accounts.models import Facility
from his.catalogs.models import Drug
from his.core.errors import NotFound
from his.core.money import round0
from his.core.text import fold
from pharmacy.allocation import ZERO
from pharmacy.counting import LineState, Seen, Verdict, current, judge
from pharmacy.models import (
    Lot,
    LotBalance,
    StockCount,
    StockCountEntry,
    StockCountLine,
    StockCountMember,
    StockDocument,
    StockMovement,
    Store,
)

Scope = StockCount.Scope


def counts(facility: Facility) -> QuerySet[StockCount]:
    """Stock-takes, latest first."""
    return (
        StockCount.objects.for_facility(facility)
        .select_related("store", "opened_by", "approved_by", "posted_by", "abandoned_by")
        .order_by("-snapshot_at", "-pk")
    )


def get_count(facility: Facility, pk: int) -> StockCount:
    """One stock-take of the facility, or NotFound."""
    found = counts(facility).select_related("up_document", "down_document", "loss_document").filter(pk=pk).first()
    if found is None:
        raise NotFound("Không tìm thấy đợt kiểm kê tại cơ sở này")
    return found


def last_board(facility: Facility) -> list[StockCountMember]:
    """The board of the latest stock-take: the next one mostly has the same people."""
    latest = counts(facility).first()
    return list(latest.members.all()) if latest is not None else []


def progress(rows: Collection[StockCount]) -> dict[int, tuple[int, int]]:
    """Lots counted at least once and lots in all, by stock-take."""
    found = (
        StockCountLine.objects.filter(count__in=[row.pk for row in rows])
        .values_list("count_id")
        .annotate(done=Count("pk", filter=Q(entries__isnull=False), distinct=True), lots=Count("pk", distinct=True))
    )
    return {pk: (done, lots) for pk, done, lots in found}


def sees_book(count: StockCount) -> bool:
    """Whether screens may show the book: of a blind count only when every lot was counted once."""
    done, lots = progress([count])[count.pk]
    return not count.is_blind or count.state != StockCount.State.COUNTING or done == lots


def in_scope(scope: str, codes: Collection[str], facility: Facility, on: date) -> Q:
    """Which lots a stock-take covers. A drug counts by its row in force and by the row its lot was bought under."""
    if scope == Scope.STORE:
        return Q()
    if scope == Scope.LIST:
        return Q(lot__drug__code__in=codes)
    name = {Scope.KIND: "kind", Scope.CONTROL: "control_class", Scope.GROUP: "group_code"}[Scope(scope)]
    in_force = Drug.objects.for_facility(facility).filter(**{f"{name}__in": codes})
    known = in_force.on(on).values("code")
    return Q(**{f"lot__drug__{name}__in": codes}) | Q(lot__drug__code__in=known)


def _after(at: Any, store: Any, lot: Any) -> Coalesce:
    """Σ of the movements of a lot in a store after an instant."""
    rows = StockMovement.objects.filter(store=store, lot=lot, at__gt=at).order_by().values("lot")
    return Coalesce(Subquery(rows.annotate(total=Sum("quantity")).values("total")), ZERO)


def book_at(store: Store, at: datetime) -> QuerySet[Any]:
    """Balances of a store with `book`, what the ledger says of the instant."""
    rows = LotBalance.objects.for_facility(store.facility_id).filter(store=store).select_related("lot__drug")
    return rows.annotate(book=F("on_hand") - _after(at, OuterRef("store"), OuterRef("lot")))


def lots_to_count(store: Store, at: datetime, scope: Q) -> list[tuple[Lot, Decimal]]:
    """Lots that the book has in the store at the instant, in the order of a shelf list: name, expiry, number."""
    rows = book_at(store, at).filter(scope, book__gt=0)
    return [(row.lot, row.book) for row in sorted(rows, key=lambda row: _shelf_order(row.lot))]


def _shelf_order(lot: Lot) -> tuple[Any, ...]:
    return fold(lot.drug.name), lot.drug.code, lot.expires_on, lot.number, lot.pk


def open_lines(store: Store, lots: Iterable[Lot]) -> QuerySet[StockCountLine]:
    """Lines of stock-takes that go on in the store and already hold one of the lots."""
    rows = StockCountLine.objects.for_facility(store.facility_id).filter(store=store, is_open=True)
    return rows.filter(lot__in=[lot.pk for lot in lots]).select_related("lot__drug", "count")


def moved_lots(count: StockCount, until: datetime) -> set[int]:
    """Lots with a movement in the store after the snapshot."""
    rows = StockMovement.objects.for_facility(count.facility_id)
    return set(rows.filter(store=count.store_id, at__gt=count.snapshot_at, at__lte=until).values_list("lot", flat=True))


def lines_of(count: StockCount) -> QuerySet[StockCountLine]:
    """The lines of a stock-take with lot and drug."""
    return StockCountLine.objects.for_facility(count.facility_id).filter(count=count).select_related("lot__drug")


def entries_of(count: StockCount, **only: Any) -> QuerySet[Any]:
    """Entries with `book`, what the ledger says of the instant of each, in the order they came."""
    held = LotBalance.objects.filter(store=OuterRef("line__store"), lot=OuterRef("line__lot")).values("on_hand")
    return (
        StockCountEntry.objects.for_facility(count.facility_id)
        .filter(line__count=count, **only)
        .select_related("counter", "recorded_by")
        .annotate(
            book=Coalesce(Subquery(held), ZERO)
            - _after(OuterRef("counted_at"), OuterRef("line__store"), OuterRef("line__lot"))
        )
        .order_by("pk")
    )


def seen(entry: Any) -> Seen:
    """An entry of `entries_of` as the judgement reads it."""
    return Seen(
        order=entry.pk,
        counter=entry.counter_id,
        round=entry.round,
        counted=entry.counted,
        damaged=entry.damaged,
        counted_at=entry.counted_at,
        book=entry.book,
    )


def books_of(count: StockCount) -> dict[int, Decimal]:
    """What the ledger says now of the approved instant of each line."""
    held = LotBalance.objects.filter(store=OuterRef("store"), lot=OuterRef("lot")).values("on_hand")
    rows = lines_of(count).filter(counted_at__isnull=False).order_by()
    book = Coalesce(Subquery(held), ZERO) - _after(OuterRef("counted_at"), OuterRef("store"), OuterRef("lot"))
    return dict(rows.annotate(book=book).values_list("pk", "book"))


@dataclass(frozen=True, slots=True)
class CountedLine:
    """A lot of a stock-take with what was seen of it and what that amounts to."""

    line: StockCountLine
    entries: tuple[StockCountEntry, ...]
    verdict: Verdict

    @property
    def state(self) -> str:
        return self.verdict.state.value

    @property
    def counted(self) -> Decimal | None:
        return self.verdict.chosen.counted if self.verdict.chosen else None

    @property
    def damaged(self) -> Decimal | None:
        return self.verdict.chosen.damaged if self.verdict.chosen else None

    @property
    def book(self) -> Decimal | None:
        """The book at the instant of the entry that counts."""
        return self.verdict.chosen.book if self.verdict.chosen else None

    @property
    def moved(self) -> Decimal:
        """What came in (above zero) or went out between the snapshot and the count."""
        return self.book - self.line.snapshot_quantity if self.book is not None else ZERO

    @property
    def difference(self) -> Decimal | None:
        return self.verdict.chosen.difference if self.verdict.chosen else None

    @property
    def value(self) -> Decimal | None:
        """The difference in whole đồng at the price of the lot."""
        return round0(self.difference * self.line.lot.unit_cost) if self.difference is not None else None

    @property
    def damage_value(self) -> Decimal | None:
        return round0(self.damaged * self.line.lot.unit_cost) if self.damaged is not None else None

    @property
    def needs_reason(self) -> bool:
        return self.verdict.state == LineState.DIFFERENT


def counted_lines(count: StockCount) -> list[CountedLine]:
    """All lines in their order. Once approved, a line says what was approved, whatever is recorded later."""
    by_line: dict[int, list[StockCountEntry]] = defaultdict(list)
    for entry in entries_of(count):
        by_line[entry.line_id].append(entry)
    return [_counted(line, by_line[line.pk]) for line in lines_of(count)]


def counted_line(line: StockCountLine) -> CountedLine:
    """One line as `counted_lines` gives it."""
    return _counted(line, list(entries_of(line.count, line=line)))


def _counted(line: StockCountLine, entries: list[StockCountEntry]) -> CountedLine:
    if line.counted is None or line.damaged is None or line.counted_at is None or line.book_quantity is None:
        return CountedLine(line, tuple(entries), judge(map(seen, entries)))
    chosen = Seen(0, 0, 0, line.counted, line.damaged, line.counted_at, line.book_quantity)
    is_equal = chosen.difference == 0 and chosen.damaged == 0
    state = LineState.EQUAL if is_equal else LineState.DIFFERENT
    return CountedLine(line, tuple(entries), Verdict(state, 0, chosen))


@dataclass(slots=True)
class Summary:
    """How far a stock-take is, and what it found, in lots and whole đồng."""

    lots: int = 0
    uncounted: int = 0
    recount: int = 0
    equal: int = 0
    different: int = 0
    unexplained: int = 0
    surplus_value: Decimal = ZERO
    shortage_value: Decimal = ZERO
    damage_value: Decimal = ZERO

    @property
    def is_complete(self) -> bool:
        return not (self.uncounted or self.recount or self.unexplained)


def summary(lines: Iterable[CountedLine]) -> Summary:
    """The figures above the list."""
    found = Summary()
    for one in lines:
        found.lots += 1
        setattr(found, one.state, getattr(found, one.state) + 1)
        if one.needs_reason:
            found.unexplained += not one.line.reason
            value = one.value or ZERO
            found.surplus_value += max(value, ZERO)
            found.shortage_value += max(-value, ZERO)
            found.damage_value += one.damage_value or ZERO
    return found


@dataclass(frozen=True, slots=True)
class CounterProgress:
    """How many lots a counter has counted in the first round and again, and when he last did."""

    counter: StockCountMember
    first: int
    again: int
    last_at: datetime | None


def counters_of(count: StockCount) -> QuerySet[StockCountMember]:
    """Who counts, in the order of the board."""
    return StockCountMember.objects.for_facility(count.facility_id).filter(count=count, is_counter=True)


def counter_progress(count: StockCount) -> list[CounterProgress]:
    """Progress by counter."""
    rows = counters_of(count).annotate(
        first=Count("entries__line", filter=Q(entries__round=1), distinct=True),
        again=Count("entries__line", filter=Q(entries__round__gt=1), distinct=True),
        last_at=Max("entries__recorded_at"),
    )
    return [CounterProgress(row, row.first, row.again, row.last_at) for row in rows]


def standing_entries(count: StockCount, counter: StockCountMember) -> Mapping[tuple[int, int], StockCountEntry]:
    """The entry of a counter that holds, by line and round."""
    rows = StockCountEntry.objects.for_facility(count.facility_id).filter(line__count=count, counter=counter)
    return {(row.line_id, row.round): row for row in rows.order_by("pk")}


def last_rounds(count: StockCount) -> dict[int, int]:
    """The last round in which anybody counted each line."""
    rows = StockCountEntry.objects.for_facility(count.facility_id).filter(line__count=count).order_by()
    return dict(rows.values_list("line").annotate(last=Max("round")))


@dataclass(frozen=True, slots=True)
class LineStory:
    """Why a lot stands where it stands: its entries that hold, and the movements since the snapshot.

    `late` is what was recorded after the snapshot with an earlier time: the snapshot could not know it.
    """

    counted: CountedLine
    standing: frozenset[int]
    movements: list[StockMovement]

    @property
    def counted_at(self) -> datetime | None:
        chosen = self.counted.verdict.chosen
        return chosen.counted_at if chosen else None

    @property
    def late(self) -> Decimal:
        until = self.counted_at
        known = sum((move.quantity for move in self.movements if until and move.at <= until), ZERO)
        return self.counted.moved - known if until else ZERO


def line_story(line: StockCountLine) -> LineStory:
    """The explanation of one line."""
    found = counted_line(line)
    moves = StockMovement.objects.for_facility(line.facility_id).filter(
        store=line.store_id, lot=line.lot_id, at__gt=line.count.snapshot_at
    )
    if line.count.posted_at is not None:
        moves = moves.filter(at__lt=line.count.posted_at)
    standing = frozenset(entry.order for entry in current(map(seen, found.entries)))
    return LineStory(found, standing, list(moves.select_related("line__document").order_by("at", "pk")))


def posted_documents(count: StockCount) -> list[StockDocument]:
    """What the posting of a stock-take wrote, with the document that undid it, if one did (`reversed_by`)."""
    known = {count.up_document_id, count.down_document_id, count.loss_document_id}
    rows = StockDocument.objects.for_facility(count.facility_id).filter(pk__in=known - {None})
    return list(rows.select_related("reversed_by").order_by("pk"))
