"""The slips that leave with the patient are in the claim, agree with its summary, and other tables can be added."""

from datetime import date

import pytest

from insurance.claims import document_sources
from insurance.claims.gather import gather
from insurance.claims.services import build
from insurance.rules.books import RuleBooks
from insurance.rules.engine import NoCatalogs
from insurance.standards.document_rows import TuberculosisRow
from patients.services.outcomes import Transfer
from tests.cast import World
from tests.insurance import money_audit, walk
from tests.insurance.walk import CBC, HALF_PAID, PARACETAMOL, ULTRASOUND

BOOKS = RuleBooks(NoCatalogs())
pytestmark = pytest.mark.django_db

SLIP = Transfer(
    transfer_facility_code="99010",
    transfer_condition="Tỉnh, mạch 90 lần/phút",
    transfer_plan="Can thiệp <mạch vành>",
    transport="Xe cứu thương",
    escort_name="Hoàng Thị Thử",
    escort_title="Điều dưỡng",
)
SAME = {
    "MA_LK", "HO_TEN", "NGAY_SINH", "GIOI_TINH", "DIA_CHI", "GT_THE_DEN", "NGAY_VAO", "NGAY_RA",
    "CHAN_DOAN_RV", "MA_BENH_CHINH", "MA_BENH_KT", "MA_TTDV",
}  # fmt: skip


def transferred(world: World, outcome: str = "transfer") -> walk.Walk:
    """Bà Lan, sent on by another facility, examined at the hospital and sent on to the province."""
    patient, card = walk.someone(world.hospital, "Vũ Thị Mai", card="DN4999900000002", registered="99001")
    step = walk.visit_of(
        world, world.hospital, patient, card, route="referral",
        referral_facility_code="99001", referral_number="99001.GC26.000007",
    )  # fmt: skip
    step.examine("I10", ["E11.9"], history="Đau ngực 2 giờ").order(CBC, ULTRASOUND)
    step.prescribe((PARACETAMOL, 15), (HALF_PAID, 5)).sign(outcome=outcome, transfer=SLIP).dispense()
    step.settled()
    return step


def tables_of(step: walk.Walk, standard: str = ""):
    (record,) = gather(step.place.facility, [step.visit])
    made = build(record, BOOKS, standard)
    assert [one.message for one in made.findings if one.severity == "blocking"] == []
    return money_audit.tables_of(made.content)


def test_a_transfer_slip_says_what_the_summary_says(world: World) -> None:
    tables = tables_of(transferred(world))
    assert list(tables) == ["XML1", "XML2", "XML3", "XML4", "XML13"]
    (summary,), (slip,) = tables["XML1"], tables["XML13"]
    assert {tag: slip[tag] for tag in SAME} == {tag: summary[tag] for tag in SAME}
    said = {
        "SO_HOSO": summary["MA_HSBA"],
        "SO_CHUYENTUYEN": "26/000001",
        "GIAY_CHUYEN_TUYEN": "99002.GC26.000001",
        "MA_CSKCB": "99002",
        "MA_CSKCB_DI": "99001",
        "MA_CSKCB_DEN": "99010",
        "DAU_HIEU_LS": "Tim đều, phổi trong",
        "QT_BENHLY": "Đau ngực 2 giờ",
        "TINH_TRANG_CT": "Tỉnh, mạch 90 lần/phút",
        "HUONG_DIEU_TRI": "Can thiệp <mạch vành>",
        "MA_LOAI_RV": "2",
        "MA_LYDO_CT": "2",
        "PHUONGTIEN_VC": "Xe cứu thương",
        "HOTEN_NGUOI_HT": "Hoàng Thị Thử",
        "CHUCDANH_NGUOI_HT": "Điều dưỡng",
        "MA_BAC_SI": tables["XML3"][0]["MA_BAC_SI"],
    }
    assert {tag: slip[tag] for tag in said} == said
    assert slip["TOMTAT_KQ"].endswith("Bình thường")
    assert "Siêu âm: " in slip["TOMTAT_KQ"]
    assert "Điều trị ngoại trú; " in slip["PP_DIEUTRI"]
    assert tables["XML2"][0]["TEN_THUOC"] in slip["PP_DIEUTRI"]
    # The summary names the slip that came in, and where the patient goes.
    assert (summary["GIAY_CHUYEN_TUYEN"], summary["MA_NOI_DI"]) == ("99001.GC26.000007", "99001")
    assert (summary["MA_NOI_DEN"], summary["MA_LOAI_RV"]) == ("99010", "2")


def test_a_transfer_the_patient_asked_for_says_so_in_both_tables(world: World) -> None:
    tables = tables_of(transferred(world, "transfer_request"))
    (summary,), (slip,) = tables["XML1"], tables["XML13"]
    assert (summary["MA_LOAI_RV"], slip["MA_LOAI_RV"], slip["MA_LYDO_CT"]) == ("5", "5", "3")


def test_each_standard_gets_the_slip_in_its_own_names_or_none(world: World) -> None:
    step = transferred(world)
    older = tables_of_old(step)
    assert {tag: older["XML13"][0][tag] for tag in ("MA_NOI_DI", "MA_NOI_DEN")} == {
        "MA_NOI_DI": "99001",
        "MA_NOI_DEN": "99010",
    }
    names = [row["TEN_DICH_VU"] for row in older["XML3"]]
    assert older["XML13"][0]["TEN_DICH_VU"] == "; ".join(dict.fromkeys(names))
    assert older["XML13"][0]["PP_DIEUTRI"] == older["XML1"][0]["PP_DIEU_TRI"]
    (record,) = gather(step.place.facility, [step.visit])
    assert "XML13" not in build(record, BOOKS, "qd130").row_counts


def tables_of_old(step: walk.Walk):
    """By QĐ 4750, whose widths a licence number of today does not fit."""
    (record,) = gather(step.place.facility, [step.visit])
    made = build(record, BOOKS, "qd4750")
    assert {one.field for one in made.findings if one.table == "XML13" and one.severity == "blocking"} <= {"MA_TTDV"}
    return money_audit.tables_of(made.content)


def test_a_follow_up_slip_has_the_day_that_the_summary_has(world: World) -> None:
    step = walk.lan(world, world.station).examine("I10").sign(outcome="follow_up", follow_up_on=date(2026, 11, 3))
    step.settled()
    tables = tables_of(step)
    assert list(tables) == ["XML1", "XML3", "XML14"]
    (summary,), (slip,) = tables["XML1"], tables["XML14"]
    assert {tag: slip[tag] for tag in SAME} == {tag: summary[tag] for tag in SAME}
    said = {
        "SO_GIAYHEN_KL": "99001.HK26.000001",
        "MA_CSKCB": "99001",
        "NGAY_HEN_KL": "20261103",
        "NGAY_CT": "20261006",
        "MA_DOITUONG_KCB": summary["MA_DOITUONG_KCB"],
        "MA_BAC_SI": tables["XML3"][0]["MA_BAC_SI"],
    }
    assert {tag: slip[tag] for tag in said} == said
    assert summary["NGAY_TAI_KHAM"] == "20261103"
    assert tables_of_day(step)["XML14"][0]["NGAY_HEN_KL"] == "202611030000"


def tables_of_day(step: walk.Walk):
    """By QĐ 4750, where the day has twelve digits."""
    (record,) = gather(step.place.facility, [step.visit])
    return money_audit.tables_of(build(record, BOOKS, "qd4750").content)


def test_who_goes_home_has_no_slip(world: World) -> None:
    step = walk.lan(world, world.station).examine("I10").sign()
    step.settled()
    assert list(tables_of(step)) == ["XML1", "XML3"]


def test_a_package_adds_a_table_by_registering_its_source(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_sources, "_sources", dict(document_sources._sources))
    asked = []

    def facts(facility, visit_ids):
        asked.append(list(visit_ids))
        return {visit_ids[0]: "1"}

    def rows(record):
        site = record.facts.get("XML15")
        return [TuberculosisRow(claim_code=record.visit.claim_code, tb_site_code=site)] if site else []

    reads = (("s", "patients_vitalsigns s WHERE s.visit_id = one.visit_id"),)
    with pytest.raises(RuntimeError, match="XML15"):
        document_sources.register("XML15", rows, facts=facts)
    document_sources.register("XML15", rows, facts=facts, reads=reads)
    document_sources.register("XML15", rows, facts=facts, reads=reads)
    with pytest.raises(RuntimeError, match="XML15"):
        document_sources.register("XML15", lambda record: [])
    patient, card = walk.someone(world.station, "Lê Thị Nửa", card="HN2999900000001")
    steps = [walk.lan(world, world.station), walk.visit_of(world, world.station, patient, card)]
    for step in steps:
        step.examine("I10").sign().settled()
    first, second = gather(world.station.facility, [step.visit for step in steps])
    assert asked[-1] == [step.visit.pk for step in steps]  # once for both; before, the desks asked for each
    assert build(first, BOOKS).row_counts["XML15"] == 1
    assert "XML15" not in build(second, BOOKS).row_counts
    assert "XML15" not in build(first, BOOKS, "qd130").row_counts
