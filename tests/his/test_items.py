"""Drugs, herbs and supplies: previewed, imported, found by filters; what the facility says itself of them is kept."""

from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
import time_machine
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse

from his.audit.models import AuditEntry
from his.catalogs import items, queries
from his.catalogs.item_services import (
    IngredientLine,
    confirm_proposals,
    read_ingredients_again,
    set_attributes,
    set_control_class,
    set_ingredients,
)
from his.catalogs.models import Drug, DrugIngredient
from his.catalogs.report import Change, ImportReport
from his.catalogs.services import import_catalog, import_facility_catalog
from his.core.errors import PermissionRefused, Refusal
from insurance.billing.origins import drug_price
from insurance.rules.catalogs import DatabaseCatalogs
from patients.queries_clinical import drugs_by_code
from pharmacy.models import LotBalance
from pharmacy.services.stock import GoodsLine, receive_goods
from pharmacy.services.stores import create_store
from tests.cast import DAY, World, at
from tests.his.catalog_files import DRUG_COLUMNS, drug_list, drug_row, write_xlsx
from tests.his.test_accounts_catalogs import var
from tests.insurance import walk

__all__ = ["var"]
pytestmark = pytest.mark.django_db
JANUARY, NOVEMBER = date(2026, 1, 1), date(2026, 11, 1)
WIDE = [*DRUG_COLUMNS, "LOAI_THUOC", "SO_LUONG", "TU_NGAY_HD", "DEN_NGAY_HD", "PP_CHEBIEN", "TLHH_CB", "MA_DVKT"]
SUPPLY = ["STT", "MA_VAT_TU", "NHOM_VAT_TU", "TEN_VAT_TU", "MA_HIEU", "SO_LUU_HANH", "TINHNANG_KT", "QUY_CACH"]
SUPPLY += ["HANG_SX", "NUOC_SX", "DON_VI_TINH", "DON_GIA", "DON_GIA_BH", "TYLE_TT_BH", "SO_LUONG", "DINH_MUC"]
SUPPLY += ["NHA_THAU", "TT_THAU", "TU_NGAY", "DEN_NGAY"]
CODEIN = {"MA_THUOC": "40.50", "TEN_HOAT_CHAT": "Paracetamol + codein phosphat", "SO_DANG_KY": "VD-99008-26"}


def wide_row(name: str, strength: str = "500mg", unit: str = "viên", **more: object) -> list[object]:
    cells = dict(zip(DRUG_COLUMNS, drug_row(name, strength, unit, **more), strict=True)) | more
    return [cells.get(column, "") for column in WIDE]


def wide_list(path: Path, *rows: list[object]) -> Path:
    return write_xlsx(path, {"MAU_03_DM": [WIDE, *rows]})


def supply_row(name: str = "Kim luồn 22G", price: int = 4200, **more: object) -> list[object]:
    cells: dict[str, object] = {
        "MA_VAT_TU": "N03.02.070.9902",
        "NHOM_VAT_TU": "Kim tiêm, kim luồn",
        "TEN_VAT_TU": name,
        "MA_HIEU": "KL-22G",
        "DON_VI_TINH": "cái",
        "DON_GIA": price,
        "DON_GIA_BH": 4000,
        "SO_LUONG": 1000,
        "TT_THAU": "99/QĐ-SYT;G1;N4;2026",
        **more,
    }
    return [cells.get(column, "") for column in SUPPLY]


def supply_list(path: Path, *rows: list[object]) -> Path:
    return write_xlsx(path, {"MAU_04_DM": [SUPPLY, *rows]})


def bring(world: World, kind: str, path: Path, on: date = JANUARY, **how: object) -> ImportReport:
    return import_facility_catalog(
        **{"actor": world.hospital.actor("admin"), "kind": kind, "path": path, "effective_on": on, **how}
    )


def named(world: World, name: str, on: date = DAY) -> Drug:
    return Drug.objects.for_facility(world.hospital.facility).on(on).get(name=name)


def own(world: World, item: Drug, **changes: object) -> Drug:
    said = {
        "storage": "cold",
        "prescription_level": "basic",
        "quantity_rule": "count",
        "pack_size": Decimal(1),
        "min_stock": Decimal(10),
        "max_stock": Decimal(200),
        "service_codes": [],
        "is_reusable": False,
    }
    actor = world.hospital.actor("pharmacist")
    return set_attributes(**{"actor": actor, "item": item, "on": DAY, **said, **changes})


def test_form_03_brings_kinds_bids_and_ingredients(world: World, tmp_path: Path) -> None:
    report = bring(
        world,
        "drug_list",
        wide_list(
            tmp_path / "thuoc.xlsx",
            wide_row(
                "Giảm đau", "500mg + 30mg", **CODEIN, SO_LUONG=5000, TU_NGAY_HD="20260115", DEN_NGAY_HD="20270114"
            ),
            wide_row("Diệp hạ châu", "800mg", MA_THUOC="05C.28.1", TEN_HOAT_CHAT="Diệp hạ châu", SO_DANG_KY="VD-2"),
            wide_row(
                "Bạch truật",
                "",
                "gam",
                LOAI_THUOC=3,
                MA_DUONG_DUNG="",
                TEN_HOAT_CHAT="Bạch truật",
                PP_CHEBIEN="Sao cám",
                TLHH_CB=12.5,
                SO_DANG_KY="",
            ),
            wide_row("Tự pha", LOAI_THUOC=9, SO_DANG_KY="VD-3", MA_DVKT="02.1896; 18.0015.0001"),
        ),
    )
    assert [(one.code, one.column) for one in report.warnings] == [("unknown_kind", "LOAI_THUOC")]
    combination, product, herb = (named(world, name) for name in ("Giảm đau", "Diệp hạ châu", "Bạch truật"))
    assert (combination.kind, combination.control_class) == ("drug", "")
    assert (combination.bid.decision, combination.bid.group, combination.bid_quantity) == ("99/QĐ-SYT", "N4", 5000)
    assert (combination.contract_from, combination.contract_to) == (date(2026, 1, 15), date(2027, 1, 14))
    assert product.kind == "herbal"
    assert (herb.kind, herb.quantity_rule, herb.processing_code) == ("herb", "weight", "Sao cám")
    assert herb.processing_loss == Decimal("12.5")
    assert named(world, "Tự pha").service_codes == ["02.1896", "18.0015.0001"]
    rows = DrugIngredient.objects.for_facility(world.hospital.facility).filter(drug_code=combination.code)
    assert [(row.name, row.milligrams) for row in rows] == [("Paracetamol", 500), ("codein phosphat", 30)]


def test_form_04_brings_supplies_that_no_prescription_and_no_drug_price_sees(world: World, tmp_path: Path) -> None:
    facility = world.hospital.facility
    bring(
        world,
        "supply_list",
        supply_list(
            tmp_path / "vt.xlsx",
            supply_row(),
            supply_row("Gạc 10x10", 800, DON_GIA_BH="", TYLE_TT_BH=50, MA_HIEU="G-10"),
        ),
    )
    needle, gauze = named(world, "Kim luồn 22G"), named(world, "Gạc 10x10")
    assert (needle.kind, needle.price, needle.insured_price, needle.group_code) == ("supply", 4200, 4000, "10")
    assert (needle.unit, needle.bid_quantity, str(needle)) == ("Cái", 1000, "Kim luồn 22G")
    assert (gauze.insured_price, gauze.payment_rate, gauze.group_code) == (800, 50, "11")
    assert not DrugIngredient.objects.filter(drug_code=needle.code).exists()
    assert queries.search_drugs(facility, "kim luồn 22g", on=DAY) == []
    assert queries.search_items(facility, "kim luồn 22g", on=DAY) == [needle]
    assert drugs_by_code(facility, [needle.code], DAY) == {}
    with pytest.raises(Refusal, match="không có trong danh mục"):
        queries.drug_on(facility, needle.code, DAY)
    assert queries.item_on(facility, needle.code, DAY) == needle
    visit = walk.lan_full(world, world.hospital).visit
    with pytest.raises(Refusal, match="Danh mục thuốc chưa có"):
        drug_price(visit, needle.code, DAY)
    catalogs = DatabaseCatalogs(facility)
    assert catalogs.find("drugs", needle.code, DAY) is None
    found = catalogs.find("supplies", "N03.02.070.9902|99/QĐ-SYT;G1;N4;2026", DAY)
    assert found is not None
    assert found["unit"] == "Cái"


def test_a_supply_lies_in_a_store_like_a_drug(world: World, tmp_path: Path) -> None:
    bring(world, "supply_list", supply_list(tmp_path / "vt.xlsx", supply_row()))
    actor = world.hospital.actor("pharmacist")
    store = create_store(code="KVT", name="Kho vật tư", kind="main", actor=actor)
    line = GoodsLine(named(world, "Kim luồn 22G"), "L1", date(2028, 1, 1), Decimal(50), Decimal(4200))
    receive_goods(store=store, lines=[line], supplier="A", reference="1", actor=actor, at=at(9))
    assert LotBalance.objects.get(store=store).on_hand == 50


def test_a_whole_drug_list_ends_drugs_and_no_supplies(world: World, tmp_path: Path) -> None:
    bring(world, "supply_list", supply_list(tmp_path / "vt.xlsx", supply_row()))
    drugs = drug_list(tmp_path / "thuoc.xlsx", drug_row("Thuốc mới"))
    report = bring(world, "drug_list", drugs, NOVEMBER, replaces=True)
    assert {one.code for one in report.changes if one.what == Change.CLOSED} == {"TH0001", "TH0002", "TH0003", "TH0004"}
    assert named(world, "Kim luồn 22G", NOVEMBER).valid_to is None
    again = bring(world, "supply_list", supply_list(tmp_path / "b.xlsx", supply_row("Khác")), NOVEMBER, replaces=True)
    assert [(one.what, one.name) for one in again.changes] == [("added", "Khác"), ("closed", "Kim luồn 22G")]
    assert named(world, "Thuốc mới", NOVEMBER).valid_to is None


def test_the_facilitys_own_attributes_survive_every_import(world: World, tmp_path: Path) -> None:
    row = {"SO_DANG_KY": "VD-99007-26"}
    bring(world, "drug_list", drug_list(tmp_path / "a.xlsx", drug_row("Insulin thử", "100IU/ml; 3ml", "bút", **row)))
    first = own(world, named(world, "Insulin thử"), quantity_rule="pack")
    set_control_class(actor=world.hospital.actor("pharmacist"), item=first, control_class="toxic", on=DAY)
    line = IngredientLine("Insulin người", amount=Decimal(300), unit="IU")
    set_ingredients(actor=world.hospital.actor("pharmacist"), item=first, lines=[line])

    same = drug_list(tmp_path / "a2.xlsx", drug_row("Insulin thử", "100IU/ml; 3ml", "bút", **row))
    assert bring(world, "drug_list", same).unchanged == 1
    dearer = drug_row("Insulin thử", "100IU/ml; 3ml", "bút", **row, DON_GIA=250, GIA_BH_TT=250)
    report = bring(world, "drug_list", drug_list(tmp_path / "b.xlsx", dearer), NOVEMBER)
    assert [(name, old, new) for name, old, new in report.changes[0].fields if "price" not in name] == []
    next_bid = drug_row("Insulin thử", "100IU/ml; 3ml", "Bút", **row, TT_THAU="100/QĐ-SYT;G1;N4;2027")
    bring(world, "drug_list", drug_list(tmp_path / "c.xlsx", next_bid), date(2027, 1, 1))

    versions = Drug.objects.filter(name="Insulin thử").order_by("valid_from")
    assert [(one.price, one.code == first.code) for one in versions] == [(180, True), (250, True), (180, False)]
    for one in versions:
        kept = (one.storage, one.control_class, one.control_checked_on, one.min_stock, one.quantity_rule)
        assert kept == ("cold", "toxic", DAY, 10, "pack")
    rows = DrugIngredient.objects.filter(drug_code=first.code)
    assert [(one.name, one.amount, one.is_by_hand) for one in rows] == [("Insulin người", 300, True)]
    read_ingredients_again(actor=world.hospital.actor("pharmacist"), item=first)
    assert [(one.name, one.amount, one.per_unit) for one in rows.all()] == [("Paracetamol", 100, "ml")]


def test_what_cannot_be_is_refused(world: World, tmp_path: Path) -> None:
    bring(world, "supply_list", supply_list(tmp_path / "vt.xlsx", supply_row()))
    pharmacist, needle = world.hospital.actor("pharmacist"), named(world, "Kim luồn 22G")
    drug = world.drug(world.hospital, "TH0001")

    def refused(code: str, act: object, **arguments: object) -> None:
        with pytest.raises(Refusal) as found:
            act(**arguments)  # type: ignore[operator]
        assert found.value.code == code

    refused("stock_limits", own, world=world, item=drug, min_stock=Decimal(9), max_stock=Decimal(8))
    refused("unknown_service", own, world=world, item=needle, service_codes=["99.9999"])
    refused("bad_pack_size", own, world=world, item=drug, pack_size=Decimal(0))
    said = {"actor": pharmacist, "item": needle, "on": DAY}
    refused("supply_not_controlled", set_control_class, **said, control_class="narcotic")
    refused("supply_no_ingredients", set_ingredients, actor=pharmacist, item=needle, lines=[IngredientLine("A")])
    hand = {"actor": pharmacist, "item": drug}
    refused("no_ingredients", set_ingredients, **hand, lines=[])
    refused("amount_unit", set_ingredients, **hand, lines=[IngredientLine("A", amount=Decimal(1))])
    refused("per_unit", set_ingredients, **hand, lines=[IngredientLine("A", per_unit="ml")])
    refused("not_positive", set_ingredients, **hand, lines=[IngredientLine("A", amount=Decimal(0), unit="mg")])
    with pytest.raises(PermissionRefused):
        set_control_class(actor=world.hospital.actor("doctor"), item=drug, control_class="", on=DAY)
    with pytest.raises(IntegrityError, match="drug_supply_ordinary"), transaction.atomic():
        Drug.objects.filter(pk=needle.pk).update(control_class="narcotic")
    assert own(world, needle, service_codes=["18.0015.0001", "18.0015.0001"]).service_codes == ["18.0015.0001"]


def test_the_rules_propose_and_the_pharmacist_decides_once(world: World, tmp_path: Path) -> None:
    bring(world, "drug_list", drug_list(tmp_path / "a.xlsx", drug_row("Giảm đau", "500mg + 30mg", **CODEIN)))
    facility, pharmacist = world.hospital.facility, world.hospital.actor("pharmacist")
    drug = named(world, "Giảm đau")
    due = items.Asked(DAY, control=items.DUE)
    assert list(items.find_items(facility, due)) == [drug]
    with pytest.raises(Refusal, match="đã khác"):
        confirm_proposals(actor=pharmacist, items=[drug], classes=["narcotic"], on=DAY)
    assert confirm_proposals(actor=pharmacist, items=[drug], classes=["narcotic_combo"], on=DAY) == 1
    assert list(items.find_items(facility, due)) == []
    assert list(items.find_items(facility, items.Asked(DAY, control=items.CONTROLLED))) == [drug]
    set_control_class(actor=pharmacist, item=drug, control_class="", on=DAY)
    assert list(items.find_items(facility, due)) == []  # declined, not asked again
    entry = AuditEntry.objects.filter(action="catalogs.control_class").latest("pk")
    assert entry.facts["fields"] == "Phối hợp chứa gây nghiện → Thường"


def test_the_starter_list_has_every_kind_and_keeps_what_was_said(world: World) -> None:
    facility = world.hospital.facility
    Drug.objects.for_facility(facility).delete()
    import_catalog(kind="starter", path=None, actor_name="test", facility=facility)
    kinds = dict.fromkeys(Drug.objects.for_facility(facility).values_list("kind", flat=True))
    assert set(kinds) == {"drug", "herbal", "herb", "supply"}
    morphine = Drug.objects.for_facility(facility).get(control_class="narcotic")
    own(world, morphine, storage="cool")
    import_catalog(kind="starter", path=None, actor_name="test", facility=facility)
    morphine.refresh_from_db()
    assert (morphine.storage, morphine.control_class) == ("cool", "narcotic")
    codes = items.due_codes(facility, DAY)
    names = Drug.objects.for_facility(facility).filter(code__in=codes).values_list("name", flat=True)
    assert sorted(names) == ["Paracetamol codein 500mg/15mg", "Phenobarbital 100mg"]
    unread = DrugIngredient.objects.for_facility(facility).filter(amount=None).exclude(strength_text="")
    assert [row.name for row in unread] == ["Ringer lactat"]


def test_lists_stored_before_are_read_too(world: World) -> None:
    Drug.objects.filter(code="TH0001").update(ingredient_code="05V.48")
    import_module("his.migrations.0006_read_ingredients").fill(apps, None)
    assert set(Drug.objects.filter(code="TH0001").values_list("kind", flat=True)) == {"herb"}
    rows = DrugIngredient.objects.for_facility(world.station.facility).filter(drug_code="TH0004")
    assert [(row.name, row.amount, row.per_amount, row.per_unit) for row in rows] == [("Paracetamol", 120, 5, "ml")]
    assert DrugIngredient.objects.count() == Drug.objects.count()


@pytest.fixture
def filled(world: World, tmp_path: Path) -> World:
    bring(world, "supply_list", supply_list(tmp_path / "vt.xlsx", supply_row()))
    rows = [drug_row("Giảm đau <b>'x'</b>", "500mg + 30mg", **CODEIN)]
    bring(world, "drug_list", drug_list(tmp_path / "a.xlsx", *rows))
    return world


def shown(client, **asked: str) -> list[str]:
    page = client.get(reverse("items"), asked)
    assert page.status_code == 200
    return [one.row.name for one in page.context["rows"]]


def test_the_list_is_found_by_words_kind_control_storage_and_day(
    filled: World, client, django_assert_max_num_queries
) -> None:
    client.force_login(filled.hospital.users["pharmacist"])
    own(filled, filled.drug(filled.hospital, "TH0002"))
    with time_machine.travel(at(9), tick=False):
        with django_assert_max_num_queries(16):
            assert len(shown(client)) == 6
        assert shown(client, kind="supply") == ["Kim luồn 22G"]
        assert shown(client, q="codein giam") == ["Giảm đau <b>'x'</b>"]
        assert shown(client, q="th0003") == ["Nửa giá 1g"]
        assert shown(client, storage="cold") == ["Amlodipin 5mg"]
        assert shown(client, control="due") == ["Giảm đau <b>'x'</b>"]
        assert shown(client, on="31/12/2025") == []
        assert client.get(reverse("items"), {"on": "99/99/2026"}).status_code == 422
        page = client.get(reverse("items"), {"control": "due"}).content.decode()
        assert "Giảm đau &lt;b&gt;" in page
        assert "Phối hợp chứa gây nghiện" in page


def test_one_item_is_read_by_all_and_changed_by_the_pharmacist(filled: World, client) -> None:
    drug = named(filled, "Giảm đau <b>'x'</b>")
    client.force_login(filled.hospital.users["cashier"])
    page = client.get(reverse("item", args=[drug.pk])).content.decode()
    assert "codein phosphat" in page
    assert "Lưu thuộc tính" not in page
    assert client.post(reverse("item-control", args=[drug.pk]), {"control_class": "toxic"}).status_code == 403

    client.force_login(filled.hospital.users["pharmacist"])
    address = reverse("item-attributes", args=[drug.pk])
    said = {"storage": "cool", "quantity_rule": "count", "pack_size": "1", "min_stock": "9", "max_stock": "8"}
    wrong = client.post(address, said)
    assert wrong.status_code == 422
    assert "Tồn tối đa nhỏ hơn tồn tối thiểu" in wrong.content.decode()
    assert 'value="9"' in wrong.content.decode()
    assert client.post(address, {**said, "max_stock": "80", "service_codes": "02.1896"}).status_code == 302
    rows = {"ing-TOTAL_FORMS": "2", "ing-INITIAL_FORMS": "2", "ing-0-name": "Paracetamol", "ing-0-amount": "500"}
    rows |= {"ing-1-name": "Codein", "ing-1-amount": "15", "ing-1-unit": "mg"}
    wrong = client.post(reverse("item-ingredients", args=[drug.pk]), rows)
    assert (wrong.status_code, "phải đi cùng nhau" in wrong.content.decode()) == (422, True)
    done = client.post(reverse("item-ingredients", args=[drug.pk]), {**rows, "ing-0-unit": "mg"}, follow=True)
    assert "do dược sĩ ghi" in done.content.decode()
    confirmed = client.post(reverse("items-confirm"), {"item": [f"{drug.pk}:narcotic_combo"]}, follow=True)
    assert "Không có thuốc nào chờ xác nhận" in confirmed.content.decode()
    assert client.post(reverse("items-confirm"), {"item": []}).status_code == 422
    drug.refresh_from_db()
    assert (drug.storage, drug.max_stock, drug.service_codes) == ("cool", 80, ["02.1896"])
    assert (drug.control_class, drug.control_checked_on is not None) == ("narcotic_combo", True)


@pytest.mark.usefixtures("var")
def test_a_supply_list_is_shown_before_it_is_imported(filled: World, client, tmp_path: Path) -> None:
    client.force_login(filled.hospital.users["admin"])
    dearer = supply_list(tmp_path / "moi.xlsx", supply_row(price=4500, SO_LUONG=1200, HANG_SX="Hãng Thử"))
    data = {"kind": "supply_list", "path": SimpleUploadedFile("vt.xlsx", dearer.read_bytes())}
    page = client.post(reverse("admin-catalogs"), {**data, "effective_on": "01/11/2026"}, follow=True)
    change = page.context["seen"]["changes"][0]
    assert change["what"] == "changed"
    assert [tuple(one) for one in change["fields"]] == [
        ("Giá", "4.200", "4.500"),
        ("Số lượng trúng thầu", "1.000", "1.200"),
        ("Nhà sản xuất", "", "Hãng Thử"),
    ]
    assert named(filled, "Kim luồn 22G", NOVEMBER).price == 4200
    client.post(reverse("admin-catalog-import", args=[page.context["upload"].token]))
    assert named(filled, "Kim luồn 22G", NOVEMBER).price == 4500
    assert named(filled, "Kim luồn 22G").valid_to == date(2026, 10, 31)
