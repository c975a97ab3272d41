"""The catalogues of the database as rules ask them."""

from datetime import date
from decimal import Decimal

import pytest
from pytest_django.asserts import assertNumQueries

from his.accounts.models import Staff
from his.catalogs.loaders import starter
from his.catalogs.models import Diagnosis, Drug, LongPrescriptionDisease
from insurance.rules.catalogs import CATALOGS, DatabaseCatalogs, rule_books
from insurance.rules.engine import load_rules
from insurance.rules.engine.book import needs_of
from insurance.rules.words import CATALOGS_VI
from insurance.standards import load
from tests.cast import DAY, World

pytestmark = pytest.mark.django_db


def test_every_catalogue_that_a_rule_names_is_known() -> None:
    named = {name for rule in load_rules() for name in needs_of(rule)}

    assert named - set(CATALOGS) == set()


def test_every_catalogue_has_a_name_for_people() -> None:
    assert set(CATALOGS_VI) == set(CATALOGS)


def test_each_catalogue_answers_with_its_cells(world: World) -> None:
    lists = DatabaseCatalogs(world.station.facility)
    staff = Staff.objects.filter(facility=world.station.facility).exclude(licence_no="").first()
    assert staff is not None

    assert lists.find("icd10", "J06.9", DAY) == {"name": "Nhiễm trùng đường hô hấp trên cấp tính, không xác định"}
    assert (lists.find("communes", "99001", DAY) or {})["parent"] == "99"
    assert (lists.find("staff", staff.licence_no, DAY) or {})["name"] == staff.full_name
    service = lists.find("services", "02.1896", DAY) or {}
    assert (service["price"], service["group"]) == ("39800", "13")
    assert lists.find("icd10", "X99.9", DAY) is None


@pytest.mark.parametrize("whole", [True, False])
def test_a_disease_that_may_be_prescribed_for_long_is_found_by_its_expression(world: World, whole: bool) -> None:
    row = {"valid_from": DAY, "source": "thử", "item": "1"}
    LongPrescriptionDisease.objects.create(name="Đái tháo đường", icd_expression="E10 - E14 (trừ E10.0)", **row)
    lists = DatabaseCatalogs(world.station.facility, whole=whole)

    assert lists.find("long_prescriptions", "E11.9", DAY) == {"name": "Đái tháo đường"}
    assert lists.find("long_prescriptions", "E10.0", DAY) is None
    assert lists.find("long_prescriptions", "I10", DAY) is None


@pytest.mark.parametrize("name", ["traditional_icd", "facilities", "devices", "no_such_list", "icd9"])
def test_a_list_without_rows_is_absent(world: World, name: str) -> None:
    assert not DatabaseCatalogs(world.station.facility).has(name)
    assert DatabaseCatalogs(world.station.facility).find(name, "1", DAY) is None


def test_without_a_facility_only_national_lists_are_there(world: World) -> None:
    lists = DatabaseCatalogs(None)

    assert [name for name in CATALOGS if lists.has(name)] == ["icd10", "provinces", "communes"]


def test_the_starter_lists_say_nothing_about_claims_of_other_facilities(world: World) -> None:
    Diagnosis.objects.update(source=starter.SOURCE)

    assert DatabaseCatalogs(world.station.facility).has("icd10")
    assert not DatabaseCatalogs(None).has("icd10")


def test_the_lists_of_another_facility_are_not_seen(world: World) -> None:
    Drug.objects.for_facility(world.hospital.facility).delete()

    assert DatabaseCatalogs(world.station.facility).has("drugs")
    assert not DatabaseCatalogs(world.hospital.facility).has("drugs")


@pytest.mark.parametrize("whole", [True, False])
def test_a_look_up_is_dated(world: World, whole: bool) -> None:
    old = Diagnosis.objects.get(code="I10")
    old.valid_to = date(2026, 9, 30)
    old.save()
    Diagnosis.objects.create(
        code="I10", name="Tên mới", search_name="ten moi", valid_from=date(2026, 10, 1), not_as_main=True, source="x"
    )
    lists = DatabaseCatalogs(world.station.facility, whole=whole)

    assert lists.find("icd10", "I10", date(2026, 9, 30)) == {"name": old.name}
    assert lists.find("icd10", "I10", date(2026, 10, 1)) == {"name": "Tên mới", "not_as_main": "1"}
    assert (lists.find("icd10", "I10", None) or {})["name"] == "Tên mới"
    assert lists.find("icd10", "I10", date(1990, 1, 1)) is None


@pytest.mark.parametrize("whole", [True, False])
def test_drugs_under_one_ingredient_code_say_only_what_they_share(world: World, whole: bool) -> None:
    drug = Drug.objects.for_facility(world.station.facility).order_by("code")[0]
    for registration, price in (("VN-1", Decimal(700)), ("VN-2", Decimal(800))):
        drug.pk, drug.code, drug.registration_no, drug.price = None, f"T-{registration}", registration, price
        drug.ingredient_code = "40.9999"
        drug.save()
    lists = DatabaseCatalogs(world.station.facility, whole=whole)

    shared = lists.find("drugs", "40.9999", DAY) or {}
    assert shared["strength"] == drug.strength
    assert "price" not in shared
    assert (lists.find("drugs", "40.9999|VN-1", DAY) or {})["price"] == "700"
    assert (lists.find("drugs", "T-VN-2", DAY) or {})["price"] == "800"


def test_a_whole_list_is_read_once(world: World) -> None:
    lists = DatabaseCatalogs(world.station.facility)

    with assertNumQueries(2):
        assert lists.has("icd10")
        for number in range(50):
            lists.find("icd10", f"A{number:02}", DAY)


def test_books_are_compiled_once_for_each_standard(world: World) -> None:
    books = rule_books(world.station.facility)
    assert books.of(load("qd3176")) is books.of(load("qd3176"))
    assert books.of(load("qd130")) is not books.of(load("qd3176"))
