"""The papers that a patient leaves with say what the claim says of the same visit, and are printed only when true."""

import re
from datetime import date

import pytest

from his.core.errors import Refusal
from insurance.claims.services import build_claim
from insurance.claims.stored import content_of
from patients.models import Exam
from patients.printing.leaving import (
    discharge_data,
    follow_up_data,
    print_discharge_paper,
    print_follow_up_slip,
    print_transfer_slip,
    rule_on,
    transfer_data,
)
from tests import pdf_text
from tests.cast import World, at
from tests.insurance import money_audit, walk
from tests.insurance.test_bed_days import three_days
from tests.insurance.test_claim_documents import tables_of, transferred
from tests.wards import admitted, bed_prices, on_day

pytestmark = pytest.mark.django_db


def minute(written: str) -> str:
    """`14 giờ 05, ngày 06/10/2026` as the claim writes it."""
    hour, mins, day, month, year = re.match(r"(\d\d) giờ (\d\d), ngày (\d\d)/(\d\d)/(\d{4})$", written).groups()
    return year + month + day + hour + mins


def signed_exam(step: walk.Walk) -> Exam:
    """The exam as it is stored."""
    return Exam.objects.get(visit=step.visit)


def words_of(pdf: bytes) -> str:
    return pdf_text.joined(pdf_text.pieces(pdf))


def test_a_printed_transfer_slip_says_what_its_table_says(world: World) -> None:
    step = transferred(world)
    (slip,) = tables_of(step)["XML13"]
    exam = signed_exam(step)
    said = transfer_data(exam)
    same = {
        "number": "GIAY_CHUYEN_TUYEN", "receiving_code": "MA_CSKCB_DEN", "passed": "MA_CSKCB_DI", "full_name": "HO_TEN",
        "address": "DIA_CHI", "card_number": "MA_THE_BHYT", "signs": "DAU_HIEU_LS", "course": "QT_BENHLY",
        "tests": "TOMTAT_KQ", "diagnosis": "CHAN_DOAN_RV", "condition": "TINH_TRANG_CT", "plan": "HUONG_DIEU_TRI",
        "transport": "PHUONGTIEN_VC", "claim_code": "MA_LK",
    }  # fmt: skip
    assert {name: said[name] for name in same} == {name: slip[tag] for name, tag in same.items()}
    assert (minute(said["arrived"]), minute(said["ended"])) == (slip["NGAY_VAO"], slip["NGAY_RA"])
    assert said["escort"] == f"{slip['HOTEN_NGUOI_HT']}, {slip['CHUCDANH_NGUOI_HT']}"
    assert [one["is_chosen"] for one in said["reasons"]] == [slip["MA_LYDO_CT"] == code for code in "123"]
    assert "Siêu âm" in said["treatment"]
    assert "Paracetamol" in said["treatment"]
    text = words_of(print_transfer_slip(exam=exam, actor=step.place.actor("doctor"), at=at(16)))
    for expected in (
        "PHIẾU CHUYỂN CƠ SỞ",
        "99002.GC26.000001",
        "Can thiệp <mạch vành>",
        "bản in 1",
        "10 ngày làm việc",
    ):
        assert expected in text
    with pytest.raises(Refusal, match="không hẹn khám lại"):
        print_follow_up_slip(exam=exam, actor=step.place.actor("doctor"), at=at(16))


def test_a_printed_follow_up_slip_says_what_its_table_says(world: World) -> None:
    step = walk.lan(world, world.station).examine("I10").sign(outcome="follow_up", follow_up_on=date(2026, 11, 3))
    step.settled()
    (slip,) = tables_of(step)["XML14"]
    exam = signed_exam(step)
    said = follow_up_data(exam)
    assert (said["number"], said["diagnosis"]) == (slip["SO_GIAYHEN_KL"], slip["CHAN_DOAN_RV"])
    assert said["follow_up"] == "03/11/2026"
    assert minute(said["arrived"]) == slip["NGAY_VAO"]
    assert "03/11/2026" in words_of(print_follow_up_slip(exam=exam, actor=step.place.actor("doctor"), at=at(16)))
    with pytest.raises(Refusal, match="không chuyển"):
        print_transfer_slip(exam=exam, actor=step.place.actor("doctor"), at=at(16))
    with pytest.raises(Refusal, match="không nằm viện"):
        print_discharge_paper(exam=exam, actor=step.place.actor("doctor"), at=at(16))


def test_a_printed_discharge_paper_says_what_its_table_says(world: World) -> None:
    step = three_days(world)
    step.settled()
    claim = build_claim(visit=step.visit, actor=step.place.actor("claims"), at=on_day(9, 15))
    tables = money_audit.tables_of(content_of(claim))
    (paper,), (summary,) = tables["XML7"], tables["XML1"]
    exam = signed_exam(step)
    said = discharge_data(exam)
    same = {
        "medical_code": "MA_YTE", "archive_number": "SO_LUU_TRU",
        "diagnosis": "CHAN_DOAN_RV", "treatment": "PP_DIEUTRI",
    }  # fmt: skip
    assert {name: said[name] for name in same} == {name: paper[tag] for name, tag in same.items()}
    assert (minute(said["admitted"]), minute(said["ended"])) == (summary["NGAY_VAO_NOI_TRU"], paper["NGAY_RA"])
    assert said["department"] == world.hospital.departments[paper["MA_KHOA_RV"]].name
    text = words_of(print_discharge_paper(exam=exam, actor=step.place.actor("nurse"), at=on_day(9, 16)))
    assert "GIẤY RA VIỆN" in text
    assert said["full_name"] in text


def test_who_still_lies_gets_no_discharge_paper(world: World) -> None:
    bed_prices(world.hospital)
    step = walk.lan(world, world.hospital).examine(treatment="Theo dõi")
    admitted(step, bed="H001", when=at(9), department="K27", service="K27.1933")
    with pytest.raises(Refusal, match="chưa ra khoa"):
        print_discharge_paper(exam=signed_exam(step), actor=world.hospital.actor("nurse"), at=at(12))


def test_papers_have_a_rule_on_every_day() -> None:
    for paper in ("transfer", "follow_up", "discharge"):
        assert rule_on(paper, date(2026, 10, 6)).title_vi
        assert rule_on(paper, date(2020, 1, 1)).title_vi
