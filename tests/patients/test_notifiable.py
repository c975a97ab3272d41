"""The list of diseases that must be reported: which codes find which, and what a faulty list of a station does."""

from datetime import date
from pathlib import Path

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from his.core import icd
from patients import notifiable
from patients.apps import disease_list_is_sound
from patients.notifiable import Notifiable, matching
from tests.cast import DAY, anh_hung
from tests.patients.test_cases import examined, only_case, place  # noqa: F401 - a fixture

HEAD = ",".join(notifiable.COLUMNS)
ODD = "odd,Bệnh lạ,A,I10-I11,suspected,2,10,2026-10-01,2026-10-31,Công văn 1"


def own_list(folder: Path, text: str) -> Path:
    (folder / "lists").mkdir(exist_ok=True)
    path = folder / "lists" / "notifiable_diseases.csv"
    path.write_text(text, encoding="utf-8")
    return folder


def test_a_list_of_the_installation_stands_in_the_place_of_the_products(tmp_path: Path):
    day = date(2026, 10, 6)
    assert matching(["I10"], day, tmp_path) == {}
    own_list(tmp_path, f"{HEAD}\n{ODD}\n")
    code, rule = matching(["A97.0", "I11.9"], day, tmp_path)["odd"]
    assert (code, rule.hours, rule.name) == ("I11.9", 2, "Bệnh lạ")
    assert matching(["I11.9"], date(2026, 11, 1), tmp_path) == {}
    own_list(tmp_path, f"{HEAD}\n{ODD.replace('I10-I11', 'I20')}\n")
    assert matching(["I11.9"], day, tmp_path) == {}, "a changed file is read again"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "dòng 1: thiếu cột disease"),
        (HEAD, "không có dòng nào"),
        (f"disease;name\n{ODD}", "dòng 1: thiếu cột disease"),
        (f"{HEAD}\n{ODD}\nodd,Bệnh lạ", "dòng 3: số ô khác"),
        (f"{HEAD}\n{ODD},thừa", "dòng 2: số ô khác"),
        (f"{HEAD}\n{ODD.replace('I10-I11', '11')}", "dòng 2: cột icd"),
        (f"{HEAD}\n{ODD.replace('I10-I11', '')}", "dòng 2: cột icd"),
        (f"{HEAD}\n{ODD.replace('odd', 'o' * 41)}", "cột disease phải có 1 đến 40"),
        (f"{HEAD}\n{ODD.replace('Bệnh lạ', 'ạ' * 256)}", "cột name phải có 1 đến 255"),
        (f"{HEAD}\n{ODD.replace(',2,', ',hai,')}", "cột hours phải là số"),
        (f"{HEAD}\n{ODD.replace(',10,', ',9999999999,')}", "cột repeat_days phải là số"),
        (f"{HEAD}\n{ODD.replace(',10,', ',0,')}", "cột repeat_days phải là số"),
        (f"{HEAD}\n{ODD.replace('2026-10-31', '31/10/2026')}", "cột valid_to phải là ngày"),
        (f"{HEAD}\n{ODD.replace('2026-10-31', '2026-09-30')}", "valid_to trước"),
        (f"{HEAD}\n{ODD.replace('suspected', 'maybe')}", "cột case_class"),
        (f"{HEAD}\n{ODD.replace(',A,', ',D,')}", "cột group"),
        (f'{HEAD}\n"{ODD}', "từ dòng 2: dấu ngoặc kép"),
    ],
)  # fmt: skip
def test_a_faulty_list_is_named_and_the_products_stands(tmp_path: Path, text: str, said: str):
    found = notifiable.list_in_force(own_list(tmp_path, text))
    assert said in found.problem
    assert found.rows == notifiable.list_in_force().rows
    assert "dengue" in matching(["A97.0"], DAY, tmp_path)


def test_a_list_in_another_encoding_or_that_is_no_file_is_named_too(tmp_path: Path):
    path = own_list(tmp_path, "") / "lists" / "notifiable_diseases.csv"
    path.write_bytes(f"{HEAD}\n{ODD}\n".encode("utf-16"))
    assert "UTF-8" in notifiable.list_in_force(tmp_path).problem
    path.unlink()
    path.mkdir()
    assert "không đọc được tệp" in notifiable.list_in_force(tmp_path).problem


def test_a_faulty_list_stops_no_signature_and_is_said_by_the_check_and_at_the_desk(
    place,  # noqa: F811
    settings,
    tmp_path,
    client,
):
    settings.VAR_DIR = own_list(tmp_path, f"{HEAD}\nodd,Bệnh lạ\n")
    assert only_case(examined(place, anh_hung(place), "A97.0")).disease == "dengue"
    (warning,) = disease_list_is_sound()
    assert (warning.id, "dòng 2" in warning.msg) == ("patients.W001", True)
    client.force_login(place.users["doctor"])
    assert "dòng 2" in client.get(reverse("cases")).content.decode()
    settings.VAR_DIR = own_list(tmp_path, f"{HEAD}\n{ODD}\n")
    assert disease_list_is_sound() == []
    assert "Danh mục bệnh phải báo của cơ sở có lỗi" not in client.get(reverse("cases")).content.decode()


def test_the_products_list_has_one_name_group_and_clock_for_each_disease():
    seen: dict[str, tuple[object, ...]] = {}
    for row in notifiable.list_in_force().rows:
        facts = (row.name, row.group, row.hours, row.repeat_days)
        assert seen.setdefault(row.disease, facts) == facts
        assert row.hours in {24, 48, None}
        assert row.hours == 24 or row.group != "A"


def _rule_of(code: str) -> Notifiable | None:
    found = matching([code], DAY)
    return next(iter(found.values()))[1] if found else None


@pytest.mark.parametrize(
    ("code", "disease"),
    [("A83.0", "japanese_encephalitis"), ("A83.2", "viral_encephalitis"), ("A90", "dengue"), ("B08.5", None),
     ("A09.9", "diarrhoea"), ("B18.1", None), ("A01.4", None), ("U07.1", "covid19")],
)  # fmt: skip
def test_codes_find_their_disease(code, disease):
    rule = _rule_of(code)
    assert (rule.disease if rule else None) == disease


@given(st.integers(0, 99), st.integers(0, 9))
def test_a_range_holds_exactly_its_codes(number, digit):
    limits = icd.read_list("I10-I15 E11.2-E11.5")
    assert icd.holds(limits, f"I{number:02d}") is (10 <= number <= 15)
    assert icd.holds(limits, f"I{number:02d}.{digit}") is (10 <= number <= 15)
    assert icd.holds(limits, f"E11.{digit}") is (2 <= digit <= 5)
    assert not icd.holds(limits, "E11")
