"""The message of arrival (XML0): one for each claimed visit but emergencies, sound, and apart from the claims."""

from pathlib import Path

import pytest

from insurance.claims.export import export_month
from insurance.standards import check, parse_table, select_standard
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import MONTH

pytestmark = pytest.mark.django_db


def test_every_visit_but_an_emergency_has_a_message_of_arrival(world: World, tmp_path: Path) -> None:
    place = world.hospital
    lan = walk.lan_full(world, place)
    lan.settled()
    patient, card = walk.someone(place, "Vũ Văn Ngã", card="DN4999900000009", registered="99009")
    hurt = walk.visit_of(world, place, patient, card, route="emergency").examine("J06.9").sign()
    hurt.settled()
    claims, arrivals = tmp_path / "claims", tmp_path / "arrivals"
    actor = place.actor("claims")
    result = export_month(month=MONTH, out_dir=claims, check_in_dir=arrivals, actor=actor, at=at(18))
    assert {row.claim_code for row in result.files} == {lan.visit.claim_code, hurt.visit.claim_code}
    assert [path.stem for path in arrivals.iterdir()] == [lan.visit.claim_code]
    standard = select_standard(at(18).date())
    table, (row,) = parse_table(standard, (arrivals / f"{lan.visit.claim_code}.xml").read_bytes())
    assert table == "XML0"
    assert check(standard, "XML0", [row], at(18).date()) == []
    assert row["MA_DICH_VU"] == "02.1896"
    assert row["NGAY_VAO"] == "202610060800"
