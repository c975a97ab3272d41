"""The scan box: every layout, every kind of typed number, damage of all sorts, and never a crash."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from his.core.dates import BirthDate
from patients.scan import MAX_LENGTH, Scan, read

CITIZEN_OLD = (
    "999079000123|999000123|Trần Văn Mẫu|05031979|Nam|Thôn Giả Định, Xã Thí Dụ, Huyện Kiểm Thử, Tỉnh Ví Dụ|15052021"
)
CITIZEN_NO_OLD = "999302000456||Lê Thị Ví Dụ|12102002|Nữ|Tổ 1, Phường Kiểm Thử, Thành phố Thử Nghiệm|20082022"
CITIZEN_NEW = "999190000789|999000789|Nguyễn Thị Thử|01011990|Nữ|Ấp Giả, Xã Mẫu, Tỉnh Ví Dụ|04102024||||"
CARD = (
    "GD4999912345678|5472e1baa76e2056c4836e204de1baab75|05/03/1979|1|"
    "5468c3b46e204769e1baa320c490e1bb8b6e682c2058c3a3205468c3ad2044e1bba5|99 - 001|01/01/2026|31/12/2026|28/12/2025|"
    "99123456789012|-|4|01/06/2027|0a1b2c3d4e5f-7102|$"
)
CHILD_CARD = (
    "TE1999987654321|4cc3aa2042c3a92056c3ad2044e1bba5|12/10/2023|2|"
    "54e1bb9520312c205068c6b0e1bb9d6e67204b69e1bb836d205468e1bbad|99 - 002|12/10/2023|-|15/10/2023|99123456789999|"
    "4cc3aa205468e1bb8b2056c3ad2044e1bba5|5|-|77aa88bb99cc-7102|$"
)
OLD_CARD = (
    "HT2999900001234|5068e1baa16d20c3946e67205468e1bbad|1951|1|58c3a3205468c3ad2044e1bba5|99-003|01/01/2018|31/12/2018|"
    "20/12/2017|99000000000123|0f0e0d0c-7102|$"
)
TODAY = date(2026, 10, 6)


def test_citizen_card_with_old_number():
    assert read(CITIZEN_OLD, on=TODAY) == Scan(
        "citizen_card",
        citizen_id="999079000123",
        old_id_number="999000123",
        full_name="Trần Văn Mẫu",
        birth=BirthDate(date(1979, 3, 5), "day"),
        sex="1",
        address="Thôn Giả Định, Xã Thí Dụ, Huyện Kiểm Thử, Tỉnh Ví Dụ",
        issued_on=date(2021, 5, 15),
    )


def test_citizen_card_without_old_number():
    scan = read(CITIZEN_NO_OLD, on=TODAY)
    assert (scan.old_id_number, scan.sex, scan.warnings, scan.source) == ("", "2", (), "qr")


def test_new_card_with_eleven_parts_reads_as_its_first_seven():
    whole, cut = read(CITIZEN_NEW), read("|".join(CITIZEN_NEW.split("|")[:7]))
    assert whole == cut
    assert (whole.full_name, whole.issued_on, whole.warnings) == ("Nguyễn Thị Thử", date(2024, 10, 4), ())


def test_insurance_card_of_fifteen_parts():
    assert read(CARD, on=TODAY) == Scan(
        "insurance_card",
        card_number="GD4999912345678",
        social_insurance_no="9912345678",
        full_name="Trần Văn Mẫu",
        birth=BirthDate(date(1979, 3, 5), "day"),
        sex="1",
        address="Thôn Giả Định, Xã Thí Dụ",
        registered_facility_code="99001",
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 12, 31),
        card_issued_on=date(2025, 12, 28),
        five_years_from=date(2027, 6, 1),
    )


def test_card_of_a_child_has_a_parent_and_no_end():
    scan = read(CHILD_CARD, on=TODAY)
    assert (scan.full_name, scan.guardian_name) == ("Lê Bé Ví Dụ", "Lê Thị Ví Dụ")
    assert (scan.valid_to, scan.five_years_from, scan.warnings) == (None, None, ())


def test_old_card_of_twelve_parts_keeps_the_precision_of_the_birth_year():
    scan = read(OLD_CARD, on=TODAY)
    assert (scan.full_name, scan.registered_facility_code) == ("Phạm Ông Thử", "99003")
    assert scan.birth == BirthDate(date(1951, 1, 1), "year")
    assert scan.birth.text() == "1951"
    assert scan.guardian_name == ""
    assert scan.warnings == ()


@pytest.mark.parametrize("wrap", ["{}\r\n", "\ufeff{}", "  {}\t", "{}\x00"])
@pytest.mark.parametrize("sample", [CITIZEN_OLD, CITIZEN_NEW, CARD, CHILD_CARD, OLD_CARD])
def test_what_a_reader_appends_changes_nothing(sample, wrap):
    assert read(wrap.format(sample), on=TODAY) == read(sample, on=TODAY)


def test_upper_case_hex_and_en_dash_are_the_same_card():
    parts = CARD.split("|")
    upper = "|".join([parts[0], parts[1].upper(), *parts[2:4], parts[4].upper(), "99 – 001", *parts[6:]])
    assert read(upper) == read(CARD)


@pytest.mark.parametrize(
    ("typed", "sex"), [("Nu", "2"), ("Nữ", "2"), ("F", "2"), ("Nam", "1"), ("NAM", "1"), ("M", "1")]
)
def test_sex_is_read_in_the_ways_scanners_give_it(typed, sex):
    assert read(CITIZEN_OLD.replace("|Nam|", f"|{typed}|")).sex == sex


def test_number_and_card_that_disagree_are_warned_of_not_refused():
    woman = read(CITIZEN_OLD.replace("|Nam|", "|Nu|"))
    assert woman.sex == "2"
    assert any("Giới tính" in w for w in woman.warnings)
    younger = read(CITIZEN_OLD.replace("05031979", "05031989"))
    assert any("Năm sinh" in w for w in younger.warnings)


def test_card_without_its_end_is_read_with_a_warning():
    scan = read(CARD.removesuffix("|$"), on=TODAY)
    assert (scan.kind, scan.full_name, scan.five_years_from) == ("insurance_card", "Trần Văn Mẫu", date(2027, 6, 1))
    assert any("thiếu phần cuối" in w for w in scan.warnings)


def test_truncated_hex_is_kept_raw_and_never_becomes_a_name():
    raw = "5472e1baa76e2056c4836e204de1baab7"
    scan = read(CARD.replace("5472e1baa76e2056c4836e204de1baab75", raw))
    assert (scan.full_name, scan.damaged) == ("", {"full_name": raw})
    assert any("Họ tên trong mã bị hỏng" in w for w in scan.warnings)


def test_hex_that_is_not_utf8_is_damage_too():
    assert read(CARD.replace("5472e1baa76e2056c4836e204de1baab75", "ff80")).damaged == {"full_name": "ff80"}


def test_new_card_that_prints_only_the_social_insurance_number():
    scan = read(CARD.replace("GD4999912345678", "9912345678"))
    assert (scan.kind, scan.card_number, scan.social_insurance_no) == ("insurance_card", "", "9912345678")
    assert any("15 ký tự" in w for w in scan.warnings)


def test_card_code_of_the_wrong_shape_is_not_taken_over():
    scan = read(CARD.replace("GD4999912345678", "GD9999912345678"))
    assert (scan.kind, scan.card_number, scan.full_name) == ("insurance_card", "", "Trần Văn Mẫu")
    assert any("không đúng dạng" in w for w in scan.warnings)


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_card_cut_short_keeps_what_is_left(parts):
    scan = read("|".join(CARD.split("|")[:parts]))
    assert scan.kind == "insurance_card"
    assert scan.card_number == "GD4999912345678"
    assert any("cắt ngắn" in w for w in scan.warnings)


def test_citizen_card_cut_short_asks_for_another_scan():
    scan = read("999079000123|999000123|Trần Văn")
    assert scan.kind == "unsupported"
    assert "quét lại" in scan.warnings[0]


def test_impossible_and_future_dates_are_told():
    assert read(CITIZEN_OLD.replace("05031979", "31021979")).birth is None
    assert any("tương lai" in w for w in read(CITIZEN_OLD.replace("05031979", "05032979"), on=TODAY).warnings)
    assert any("Ngày cấp" in w for w in read(CITIZEN_OLD.replace("15052021", "15052031"), on=TODAY).warnings)


def test_lost_marks_ask_for_another_scan():
    assert any("UTF-8" in w for w in read(CITIZEN_OLD.replace("Trần Văn Mẫu", "Tr?n V?n M?u")).warnings)
    assert any("UTF-8" in w for w in read(CITIZEN_OLD.replace("Trần Văn Mẫu", "Tr\ufffdn V\ufffdn")).warnings)
    assert any("không có dấu" in w for w in read(CITIZEN_OLD.replace("Trần Văn Mẫu", "Tran Van Mau")).warnings)


READER_BOX = {
    "idCode": "999079000123",
    "oldIdCode": "999000123",
    "personName": "Trần Văn Mẫu",
    "dateOfBirth": "05/03/1979",
    "gender": "Nam",
    "nationality": "Việt Nam",
    "race": "Kinh",
    "residencePlace": "Thôn Giả Định, Xã Thí Dụ",
    "issueDate": "15/05/2021",
}
READER_APP = {
    "id_card": "999079000123",
    "old_id_card": "999000123",
    "full_name": "Trần Văn Mẫu",
    "date_of_birth": "05/03/1979",
    "gender": "Nam",
    "nationality": "Việt Nam",
    "race": "Kinh",
    "place_of_residence": "Thôn Giả Định, Xã Thí Dụ",
    "date_of_issue": "15/05/2021",
}


@pytest.mark.parametrize("answer", [READER_BOX, READER_APP, {"id": 2, "data": READER_BOX}])
def test_both_chip_readers_give_the_same_person(answer):
    scan = read(json.dumps(answer, ensure_ascii=False), on=TODAY)
    assert (scan.kind, scan.source, scan.citizen_id, scan.full_name) == (
        "chip",
        "chip",
        "999079000123",
        "Trần Văn Mẫu",
    )
    assert (scan.birth, scan.sex, scan.ethnicity) == (BirthDate(date(1979, 3, 5), "day"), "1", "Kinh")
    assert (scan.issued_on, scan.warnings) == (date(2021, 5, 15), ())


@pytest.mark.parametrize(
    "text", ["{", '{"idCode": 999079000123}', '{"id": 3}', "{}", '{"idCode": "99907"}', '{"a":' * 390]
)
def test_damaged_reader_answers_are_unsupported(text):
    assert read(text).kind == "unsupported"


@pytest.mark.parametrize(
    ("text", "kind", "name", "value"),
    [
        ("999079000123", "citizen_id", "citizen_id", "999079000123"),
        ("999000123", "old_id", "old_id_number", "999000123"),
        ("9912345678", "social_insurance_no", "social_insurance_no", "9912345678"),
        ("GD4999912345678", "card_number", "card_number", "GD4999912345678"),
        ("gd 4 99 99123 45678", "card_number", "card_number", "GD4999912345678"),
        ("0912 345 678", "phone", "phone", "0912345678"),
        ("+84912345678", "phone", "phone", "0912345678"),
        ("99001.2610.000012", "claim_code", "claim_code", "99001.2610.000012"),
        ("99001.000012", "patient_code", "patient_code", "99001.000012"),
        ("nguyen thi lan 1954", "name", "full_name", "nguyen thi lan 1954"),
        ("O'Hara <b>", "name", "full_name", "O'Hara <b>"),
    ],
)
def test_typed_numbers_and_names(text, kind, name, value):
    scan = read(text)
    assert (scan.kind, getattr(scan, name), scan.source, scan.warnings) == (kind, value, "typed", ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "GD999991234567",  # 14 characters
        "GD9999912345678",  # no such level
        "12345",
        "https://vi.du/thẻ?x=1",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "a|b|c",
        "x" * (MAX_LENGTH + 1),
        "٩٩٩٠٧٩٠٠٠١٢٣",  # digits of another script
    ],
)
def test_everything_else_is_unsupported_and_says_why(text):
    scan = read(text)
    assert scan.kind == "unsupported"
    assert scan.warnings[0]
    assert not scan.has_person


_PIECES = st.one_of(st.text(max_size=40), st.sampled_from([*CARD.split("|"), *CITIZEN_OLD.split("|"), "$", "-", ""]))


@given(st.one_of(st.text(), st.lists(_PIECES, max_size=20).map("|".join), st.text().map(lambda t: "{" + t)))
def test_no_text_makes_it_fail(text):
    scan = read(text, on=TODAY)
    assert scan.kind != "unsupported" or scan.warnings
    assert not scan.card_number or len(scan.card_number) == 15


@given(st.sampled_from([CITIZEN_OLD, CARD, OLD_CARD]), st.integers(0, 300), st.text(max_size=3))
def test_no_damage_to_a_card_makes_it_fail(sample, at, junk):
    read(sample[:at] + junk + sample[at + 1 :], on=TODAY)


@given(st.recursive(st.one_of(st.none(), st.text(), st.integers(), st.floats()), lambda inner: st.lists(inner)))
def test_no_reader_answer_makes_it_fail(value):
    for key in ("idCode", "personName", "dateOfBirth", "residencePlace"):
        read(json.dumps({**READER_BOX, key: value}), on=TODAY)
