"""The monthly stock-take of the demonstration's station: a few lots, one of them two units short, closed."""

from datetime import date, time, timedelta
from decimal import Decimal

from his.core.dates import month_range, vn_datetime
from his.demo.places import Place
from pharmacy.models import LotBalance, StockCount, Store
from pharmacy.queries_stocktake import counted_lines, counters_of
from pharmacy.services.stocktake import Found, Member, explain, open_count, record_count
from pharmacy.services.stocktake_end import approve_count, post_count

DRUGS = 3
MISSING = Decimal(2)


def count_store(store: Store, place: Place, month: date) -> StockCount:
    """Count a few drugs of the store in the evening of the month's last day; the fullest lot lacks two units."""
    pharmacist, manager = place.actor("pharmacist"), place.actor("manager")
    _, end = month_range(month.year, month.month)
    at = vn_datetime(end - timedelta(days=1), time(19))
    codes = LotBalance.objects.for_facility(place.facility).filter(store=store, on_hand__gte=MISSING)
    chosen = sorted(set(codes.values_list("lot__drug__code", flat=True)))[:DRUGS]
    count = open_count(
        store=store,
        occasion=StockCount.Occasion.MONTHLY,
        scope=StockCount.Scope.LIST,
        scope_codes=chosen,
        members=_board(place),
        actor=pharmacist,
        at=at,
    )
    counter = counters_of(count)[0]
    fullest = max((one.line for one in counted_lines(count)), key=lambda line: (line.snapshot_quantity, line.position))
    for one in counted_lines(count):
        rounds = (1, 2) if one.line == fullest else (1,)
        for round_no in rounds:
            seen = one.line.snapshot_quantity - (MISSING if one.line == fullest else 0)
            moment = at + timedelta(minutes=one.line.position + 10 * round_no)
            record_count(
                line=one.line,
                counter=counter,
                round_no=round_no,
                found=Found(one.line, seen, counted_at=moment),
                actor=pharmacist,
                at=moment,
            )
    explain(line=fullest, reason="Rơi, không tìm thấy khi xếp kệ", actor=pharmacist, at=at + timedelta(minutes=45))
    approve_count(count=count, proposal="Xếp lại kệ theo hạn dùng", actor=manager, at=at + timedelta(minutes=50))
    return post_count(count=count, actor=pharmacist, at=at + timedelta(minutes=55))


def _board(place: Place) -> list[Member]:
    staff = place.staff
    roles = (("manager", "chairman"), ("nurse", "secretary"), ("pharmacist", "member"))
    return [Member(staff[key].full_name, staff[key].title, role, key == "pharmacist") for key, role in roles]
