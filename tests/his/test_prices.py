"""A new price list: what it adds, changes and ends is shown before; every earlier price stays and can be seen."""

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from his.catalogs.models import Drug, PricedService
from his.catalogs.report import Change, ImportReport
from his.catalogs.services import import_catalog, import_facility_catalog
from his.core.errors import Refusal
from insurance.billing.closing import reopen_visit
from insurance.billing.ledger import amount_due
from insurance.billing.queries import current_result, lines_of
from insurance.claims.services import build_claim
from tests.cast import World, at
from tests.his.catalog_files import PRICE_COLUMNS, price_list, price_row, write_xlsx
from tests.his.test_accounts_catalogs import desk, hand_in, var
from tests.insurance import walk
from tests.insurance.walk import CBC, GLUCOSE, ULTRASOUND, signed_in

__all__ = ["desk", "var"]
pytestmark = pytest.mark.django_db
NAMES = {CBC: "Tổng phân tích tế bào máu ngoại vi (bằng máy đếm laser)", "02.1896": "Khám Nội"}
NOVEMBER = date(2026, 11, 1)


def new_list(path: Path, **prices: int) -> Path:
    """A list of November with these prices of the blood count and the exam."""
    rows = [price_row(code, NAMES[code], price, start="20261101", end="") for code, price in prices.items()]
    return price_list(path / "moi.xlsx", *rows)


def bring_in(world: World, path: Path, **how: object) -> ImportReport:
    actor = world.hospital.actor("admin")
    return import_facility_catalog(**{"actor": actor, "kind": "price_list", "path": path, "replaces": True, **how})


def periods(world: World, code: str) -> list[tuple[int, date, date | None]]:
    rows = PricedService.objects.for_facility(world.hospital.facility).filter(code=code).order_by("valid_from")
    return [(int(row.price), row.valid_from, row.valid_to) for row in rows]


def test_a_whole_new_list_ends_the_former_one_on_the_day_before(world: World, tmp_path: Path) -> None:
    path = new_list(tmp_path, **{CBC: 55000, "02.1896": 39800})
    report = bring_in(world, path)
    january, october = date(2026, 1, 1), date(2026, 10, 31)
    assert periods(world, CBC) == [(49700, january, october), (55000, NOVEMBER, None)]
    assert periods(world, GLUCOSE) == [(22400, january, october)]
    changed = {change.code: change for change in report.changes}
    assert ("price", "49700", "55000") in changed[CBC].fields
    assert (changed[CBC].what, changed[CBC].row, changed[CBC].starts_on) == (Change.CHANGED, 2, NOVEMBER)
    assert (changed[GLUCOSE].what, changed[GLUCOSE].ends_on) == (Change.CLOSED, october)
    ended = {code for code, change in changed.items() if change.what == Change.CLOSED}
    assert ended == {GLUCOSE, ULTRASOUND, "03.1896", "10.1896", "13.1896"}
    assert PricedService.objects.filter(facility=world.station.facility, valid_to__isnull=False).count() == 0

    again = bring_in(world, path)
    assert (again.changes, again.added, again.changed, again.closed) == ([], 0, 0, 0)


def test_part_of_a_list_ends_nothing_else(world: World, tmp_path: Path) -> None:
    report = bring_in(world, new_list(tmp_path, **{CBC: 55000}), replaces=False)
    assert [(change.what, change.code) for change in report.changes] == [(Change.CHANGED, CBC)]
    assert periods(world, GLUCOSE) == [(22400, date(2026, 1, 1), None)]


def test_a_row_that_began_on_that_very_day_is_kept_and_told(world: World, tmp_path: Path) -> None:
    bring_in(world, new_list(tmp_path, **{CBC: 55000, "02.1896": 39800}))
    report = bring_in(world, new_list(tmp_path, **{"02.1896": 39800}))
    assert [(one.row, one.code, one.value) for one in report.warnings if one.code == "begins_that_day"] == [
        (0, "begins_that_day", CBC)
    ]
    assert len(periods(world, CBC)) == 2


def test_a_whole_list_of_several_days_needs_its_day(world: World, tmp_path: Path) -> None:
    rows = [price_row(CBC, NAMES[CBC], 49700, start="20260101", end="")]
    rows.append(price_row("02.1896", NAMES["02.1896"], 41000, start="20261101", end=""))
    path = price_list(tmp_path / "hai-ngay.xlsx", *rows)
    with pytest.raises(Refusal) as refused:
        bring_in(world, path)
    assert (refused.value.code, refused.value.field) == ("which_day", "effective_on")
    bring_in(world, path, effective_on=NOVEMBER)
    assert periods(world, GLUCOSE)[0][2] == date(2026, 10, 31)
    assert periods(world, CBC) == [(49700, date(2026, 1, 1), None)]


def test_what_replaces_must_be_whole(world: World, tmp_path: Path) -> None:
    path = new_list(tmp_path, **{CBC: 1})
    with pytest.raises(Refusal) as refused:
        import_catalog(
            kind="price_list",
            path=path,
            actor_name="test",
            facility=world.hospital.facility,
            replaces=True,
            skip_bad_rows=True,
        )
    assert refused.value.code == "replaces_whole"
    with pytest.raises(Refusal):
        import_catalog(kind="icd10", path=path, actor_name="test", replaces=True)


def test_on_demand_prices_come_with_the_list(world: World, tmp_path: Path) -> None:
    rows = [
        [*price_row(CBC, NAMES[CBC], 49700, start="20261101", end=""), 120000],
        [*price_row("02.1896", "Khám Nội", 39800, start="20261101", end=""), ""],
    ]
    path = write_xlsx(tmp_path / "yc.xlsx", {"MAU_05_DM": [[*PRICE_COLUMNS, "GIA_YEU_CAU"], *rows]})
    bring_in(world, path, replaces=False)
    found = PricedService.objects.for_facility(world.hospital.facility).on(NOVEMBER)
    assert dict(found.filter(code__in=NAMES).values_list("code", "on_demand_price")) == {CBC: 120000, "02.1896": None}
    rows[0][-1] = 100
    write_xlsx(path, {"MAU_05_DM": [[*PRICE_COLUMNS, "GIA_YEU_CAU"], *rows]})
    with pytest.raises(Refusal) as refused:
        bring_in(world, path, replaces=False)
    (error,) = refused.value.report.errors
    assert (error.row, error.column, error.code) == (2, "GIA_YEU_CAU", "below_price")


def test_periods_never_overlap_in_the_database(world: World) -> None:
    row = world.service(world.hospital, CBC)
    row.pk, row.valid_from = None, NOVEMBER
    with pytest.raises(IntegrityError, match="priced_service_no_overlap"), transaction.atomic():
        row.save(force_insert=True)


def test_a_price_change_never_alters_a_closed_visit(world: World, tmp_path: Path) -> None:
    """Not even one that reaches back before the end of the visit; only a correction takes the new price."""
    step = walk.lan_full(world, world.hospital)
    step.settled()
    officer = world.hospital.actor("claims")

    def said() -> list[object]:
        result = current_result(step.visit)
        amounts = [(line.charge.hospital_price, line.hospital_amount, line.fund_amount) for line in lines_of(result)]
        claim = build_claim(visit=step.visit, actor=officer, at=at(15))
        return [amounts, result.total_hospital_amount, amount_due(step.visit), claim.sha256]

    before = said()
    rows = [price_row(CBC, NAMES[CBC], 99000, start="20260101", end="")]
    bring_in(world, price_list(tmp_path / "lui.xlsx", *rows), replaces=False)
    Drug.objects.update(price=1, insured_price=1)
    assert world.service(world.hospital, CBC).price == 99000
    assert said() == before
    reopen_visit(visit=step.visit, reason="Giá mới", actor=world.hospital.actor("manager"), at=at(16))
    step.now = at(17)
    step.close()
    assert [line.charge.hospital_price for line in lines_of(current_result(step.visit)) if line.charge.code == CBC] == [
        99000
    ]


# Screens


def test_the_preview_shows_each_difference_and_gives_them_as_a_file(desk, world: World, tmp_path: Path) -> None:
    row = price_row(CBC, NAMES[CBC], 55000, start="20261101", end="")
    shown = hand_in(desk, tmp_path, row, replaces="on")
    page = desk.get(shown["Location"])
    text = page.content.decode()
    for part in (
        "thay cả bảng",
        "Thay đổi so với danh mục đang có",
        "<del>49.700</del> → <b>55.000</b>",
        "Kết thúc",
        GLUCOSE,
    ):
        assert part in text, part
    assert periods(world, CBC) == [(49700, date(2026, 1, 1), None)]
    token = page.context["upload"].token
    answer = desk.get(reverse("admin-catalog-changes", args=[token]))
    lines = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert {"what": "changed", "code": CBC, "field": "price", "before": "49700", "after": "55000"}.items() <= next(
        line for line in lines if line["field"] == "price"
    ).items()
    desk.post(reverse("admin-catalog-import", args=[token]))
    assert periods(world, GLUCOSE)[0][2] == date(2026, 10, 31)


def test_the_price_of_a_day_with_its_history(world: World, tmp_path: Path) -> None:
    bring_in(world, new_list(tmp_path, **{CBC: 55000, "02.1896": 39800}))
    client = signed_in(world.hospital)
    url = reverse("prices", args=["services"])
    assert "49.700" in client.get(url, {"q": "te bao mau", "on": "31/10/2026"}).content.decode()
    shown = client.get(url, {"q": "te bao mau", "on": "01/11/2026"}).content.decode()
    assert "55.000" in shown
    assert "Nhập bảng mới" not in shown
    latest = PricedService.objects.get(facility=world.hospital.facility, code=CBC, valid_from=NOVEMBER)
    shown = client.get(reverse("price-history", args=["services", latest.pk]), {"on": "01/11/2026"}).content.decode()
    assert "<b>55.000</b>" in shown
    assert "49.700" in shown
    assert shown.count("Ngày đang xem") == 1
    assert "Không có dòng nào" in client.get(url, {"q": "zzz"}).content.decode()
    wrong = client.get(url, {"q": "<x>", "on": "32/13/2026"})
    assert wrong.status_code == 422
    assert 'value="32/13/2026"' in wrong.content.decode()
    drug = Drug.objects.for_facility(world.hospital.facility).first()
    assert "Bảng giá" in client.get(reverse("price-lists")).content.decode()
    assert client.get(reverse("price-history", args=["drugs", drug.pk])).status_code == 200
    assert client.get(reverse("prices", args=["drugs"]), {"q": "para"}).status_code == 200
    assert client.get(reverse("prices", args=["gold"])).status_code == 404
    other = PricedService.objects.for_facility(world.station.facility).first()
    assert client.get(reverse("price-history", args=["services", other.pk])).status_code == 404
    assert signed_in(world.hospital, "nurse").get(url).status_code == 403


def test_the_accountant_brings_lists_in_and_sees_no_accounts(client, world: World, var: Path) -> None:
    client.force_login(world.hospital.users["accountant"])
    shown = client.get(reverse("admin-catalogs")).content.decode()
    assert "Nhập danh mục của cơ sở" in shown
    assert reverse("price-lists") in shown
    assert reverse("admin-staff") not in shown
    assert client.get(reverse("admin-staff")).status_code == 403
