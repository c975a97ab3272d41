"""Searches find what a hand types, best first, on a day, and inside the facility."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from his.accounts.models import Facility
from his.catalogs import queries
from his.catalogs.models import AdministrativeUnit, CodeEntry, Diagnosis, Drug
from his.catalogs.services import import_catalog
from his.core.errors import Refusal

pytestmark = pytest.mark.django_db

DAY = date(2026, 10, 15)


@pytest.fixture
def station() -> Facility:
    made = Facility.objects.create(code="99001", name="Trạm y tế xã Thí Dụ", kind=Facility.Kind.COMMUNE_STATION)
    import_catalog(kind="starter", path=None, facility=made, actor_name="test")
    return made


@pytest.fixture
def hospital(station: Facility) -> Facility:
    made = Facility.objects.create(code="99002", name="Bệnh viện Ví Dụ", kind=Facility.Kind.DISTRICT_HOSPITAL)
    import_catalog(kind="starter", path=None, facility=made, actor_name="test")
    return made


def codes(rows: list[Diagnosis]) -> list[str]:
    return [row.code for row in rows]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("J06.9", "J06.9"),
        ("j069", "J06.9"),
        ("i10", "I10"),
        ("tang huyet ap", "I10"),
        ("TĂNG HUYẾT ÁP", "I10"),
        ("ap huyet tang", "I10"),
        ("tha", "I10"),
        ("tay chan mieng", "B08.4"),
        ("viêm phế quản cấp", "J20.9"),
        ("cap phe quan viem", "J20.9"),
        ("dau dau", "R51"),
    ],
)
def test_a_diagnosis_is_found_first(station: Facility, typed: str, first: str) -> None:
    assert codes(queries.search_diagnoses(typed, on=DAY))[0] == first


def test_a_code_prefix_lists_its_family_in_order(station: Facility) -> None:
    assert sorted(codes(queries.search_diagnoses("a97", on=DAY))) == ["A97.0", "A97.1", "A97.2", "A97.9"]
    assert all(code.startswith("J") for code in codes(queries.search_diagnoses("j2", on=DAY)))


def test_words_match_from_their_beginning_and_signs_do_no_harm(station: Facility) -> None:
    assert "R05" in codes(queries.search_diagnoses("ho", on=DAY))
    assert all(" ho" in f" {row.search_name}" for row in queries.search_diagnoses("ho", on=DAY, limit=50))
    for odd in ("%", "\\", "[x(", "'", "*", "a'; drop"):
        queries.search_diagnoses(odd, on=DAY)
    assert queries.search_diagnoses("%", on=DAY) == []
    assert queries.search_diagnoses("zzz", on=DAY) == []


def test_favourites_come_first_and_answer_an_empty_box(station: Facility) -> None:
    plain = codes(queries.search_diagnoses("viem", on=DAY))
    assert "N72" not in plain[:1]
    assert codes(queries.search_diagnoses("viem", on=DAY, favourites=["N72"]))[0] == "N72"
    assert codes(queries.search_diagnoses("", on=DAY, favourites=["I10", "J06.9"])) == ["I10", "J06.9"]
    assert queries.search_diagnoses("", on=DAY) == []


def test_codes_that_are_no_main_disease_can_be_left_out(station: Facility) -> None:
    assert codes(queries.search_diagnoses("W54", on=DAY)) == ["W54"]
    assert queries.search_diagnoses("W54", on=DAY, main_only=True) == []


def test_the_day_decides(station: Facility) -> None:
    Diagnosis.objects.filter(code="I10").update(valid_to=date(2026, 10, 14))
    assert queries.search_diagnoses("i10", on=DAY) == []
    assert codes(queries.search_diagnoses("i10", on=date(2026, 10, 14))) == ["I10"]
    with pytest.raises(Refusal, match="I10"):
        queries.diagnosis_on("I10", DAY)
    assert queries.diagnosis_on("I10", date(2026, 10, 14)).code == "I10"


def test_services_and_drugs_of_the_own_facility(hospital: Facility, station: Facility) -> None:
    assert queries.search_services(hospital, "cong thuc mau", on=DAY)[0].code == "22.0121.1369"
    assert queries.search_services(hospital, "xq nguc", on=DAY)[0].code == "18.0119.0028"
    assert queries.search_services(station, "xq nguc", on=DAY) == []
    assert {row.group_code for row in queries.search_services(hospital, "", on=DAY, groups=["13"], limit=50)} == {"13"}
    assert queries.service_on(station, "02.1896", DAY).price == 36500
    assert queries.service_on(hospital, "02.1896", DAY).price == 39800
    with pytest.raises(Refusal, match="bảng giá"):
        queries.service_on(station, "18.0119.0028", DAY)

    assert [row.name for row in queries.search_drugs(hospital, "amlo 5", on=DAY)] == ["Amlodipin 5mg"]
    assert all("Paracetamol" in row.ingredient for row in queries.search_drugs(station, "para", on=DAY))
    glargine = Drug.objects.for_facility(hospital).get(ingredient="Insulin glargin")
    assert queries.search_drugs(station, "glargin", on=DAY) == []
    with pytest.raises(Refusal, match="danh mục của cơ sở"):
        queries.drug_on(station, glargine.code, DAY)
    assert queries.drug_on(hospital, glargine.code, DAY) == glargine


def test_places_and_code_lists(station: Facility) -> None:
    assert [row.code for row in queries.communes("thi du", on=DAY)] == ["99001"]
    assert [row.code for row in queries.communes("", on=DAY, province_code="99")] == ["99002", "99003", "99001"]
    assert [row.code for row in queries.communes("thi du vi du", on=DAY)] == ["99001"]
    assert [row.code for row in queries.communes("vi du mo", on=DAY)] == ["99003"]
    assert [row.code for row in queries.communes("99002", on=DAY)] == ["99002"]
    assert queries.communes("thi du ca mau", on=DAY) == []
    assert queries.unit_name("province", "99", DAY) == "Tỉnh Ví Dụ"
    assert queries.unit_name("province", "98", DAY) == ""
    assert len(queries.provinces(on=DAY)) == 35
    for position, (code, name) in enumerate((("2", "Nữ"), ("1", "Nam"))):
        CodeEntry.objects.create(list="sexes", code=code, name=name, position=position, valid_from=date(2020, 1, 1))
    assert queries.code_choices("sexes", DAY) == (("2", "Nữ"), ("1", "Nam"))
    assert queries.code_name("sexes", "1", DAY) == "Nam"
    assert queries.code_name("sexes", "9", DAY) == ""


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("Thôn Giả Định, xã Thí Dụ, tỉnh Ví Dụ", "99001"),
        ("Tổ 5, Xã Thí Dụ, Ví Dụ", "99001"),
        ("Mô Phỏng, Thí Dụ, Ví Dụ", ""),
        ("Thôn Giả Định, Xã Thí Dụ", "99001"),
        ("Thôn 1 xã Thí Dụ tỉnh Ví Dụ", "99001"),
        ("Số 1 - Phường Kiểm Thử - Tỉnh Ví Dụ", "99002"),
        ("Thôn Giả Định, Xã Thí Dụ, Huyện Kiểm Thử, Tỉnh Ví Dụ", ""),
        ("Thôn Giả Định, Xã Thí Dụ, Tỉnh Cà Mau", ""),
        ("Xã Thí Dụ Mới, Tỉnh Ví Dụ", ""),
        ("Phường Thí Dụ, Tỉnh Ví Dụ", ""),
        ("Tỉnh Ví Dụ", ""),
        ("'; <b>, , -", ""),
        ("", ""),
    ],
)
def test_an_address_names_a_commune_or_none(station: Facility, address: str, code: str) -> None:
    found = queries.commune_of_address(address, on=DAY)
    assert (found.code if found else "") == code


def test_a_name_that_two_provinces_have_is_no_answer_without_the_province(station: Facility) -> None:
    twin = {"level": "commune", "code": "98001", "name": "Xã Thí Dụ", "search_name": "xa thi du", "parent_code": "96"}
    AdministrativeUnit.objects.create(**twin, valid_from=date(2025, 7, 1), source="test")
    assert queries.commune_of_address("Thôn 1, Xã Thí Dụ", on=DAY) is None
    named = queries.commune_of_address("Thôn 1, Xã Thí Dụ, Ví Dụ", on=DAY)
    assert named is not None
    assert named.code == "99001"
    assert [row.code for row in queries.communes("thi du", on=DAY, near="99")] == ["99001", "98001"]
    assert [row.code for row in queries.communes("thi du", on=DAY, near="96")] == ["98001", "99001"]


def test_a_search_is_one_query(station: Facility) -> None:
    with CaptureQueriesContext(connection) as captured:
        queries.search_diagnoses("viem hong", on=DAY)
    assert len(captured) == 1
