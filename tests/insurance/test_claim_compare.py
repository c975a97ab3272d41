"""Two versions field by field: rows are paired by what they are, so that only real differences show."""

import pytest
from django.urls import reverse

from insurance.claims.compare import compare
from insurance.claims.services import build_claim
from insurance.standards import load
from tests.cast import World, at
from tests.insurance import walk
from tests.insurance.walk import signed_in

STANDARD = load("qd1931")


def drug(code: str, when: str, quantity: str, number: str) -> dict[str, str]:
    return {"STT": number, "MA_THUOC": code, "NGAY_YL": when, "SO_LUONG": quantity}


def told(old: list[dict[str, str]], new: list[dict[str, str]], table: str = "XML2") -> list[tuple[object, ...]]:
    found = compare(STANDARD, {table: old} if old else {}, {table: new} if new else {})
    return [
        (row.kind, row.old_number, row.new_number, {f.tag: (f.old, f.new) for f in row.fields})
        for one in found
        for row in one.rows
    ]


def test_a_row_that_only_moved_is_no_difference() -> None:
    a, b = drug("40.1", "202610060800", "10", "1"), drug("40.2", "202610060800", "5", "2")
    assert told([a, b], [b | {"STT": "1"}, a | {"STT": "2"}]) == []
    assert told([a, b], [b | {"STT": "1"}, a | {"STT": "2", "SO_LUONG": "9"}]) == [
        ("changed", 1, 2, {"SO_LUONG": ("10", "9")})
    ]


def test_rows_come_and_go() -> None:
    a, b = drug("40.1", "202610060800", "10", "1"), drug("40.2", "202610060800", "5", "2")
    (added,) = told([a], [a, b])
    assert added[:3] == ("added", None, 2)
    assert added[3]["MA_THUOC"] == ("", "40.2")
    (removed,) = told([a, b], [a])
    assert removed[:3] == ("removed", 2, None)
    assert [row[0] for row in told([], [a, b])] == ["added", "added"]


def test_a_row_ordered_at_another_time_is_the_same_row() -> None:
    old, new = drug("40.1", "202610060800", "10", "1"), drug("40.1", "202610060805", "10", "1")
    assert told([old], [new]) == [("changed", 1, 1, {"NGAY_YL": ("202610060800", "202610060805")})]


def test_equal_rows_twice_are_paired_in_their_order() -> None:
    a = drug("40.1", "202610060800", "10", "1")
    assert told([a, a], [a, a | {"SO_LUONG": "1"}]) == [("changed", 2, 2, {"SO_LUONG": ("10", "1")})]


@pytest.mark.django_db
def test_the_screen_shows_only_what_differs(world: World) -> None:
    step = walk.lan_full(world, world.hospital)
    step.settled()
    client, url = signed_in(world.hospital, "claims"), reverse("claims-compare", args=[step.visit.pk])
    assert client.get(url).status_code == 404
    first = build_claim(visit=step.visit, actor=world.hospital.actor("claims"), at=at(17))
    assert client.get(url).status_code == 404
    step.visit.patient.full_name = "Nguyễn Thị Lan <Anh>"
    step.visit.patient.save()
    second = build_claim(visit=step.visit, actor=world.hospital.actor("claims"), at=at(18))
    shown = client.get(url, {"month": "2026-10", "view": "built"}).content.decode()
    assert "<ins>Nguyễn Thị Lan &lt;Anh&gt;</ins>" in shown
    assert first.sha256 in shown
    assert second.sha256 in shown
    assert shown.count("<ins>") == shown.count("<del>") == shown.count("HO_TEN")
    assert "giống nhau ở mọi trường" in client.get(url, {"old": "1", "new": "1"}).content.decode()
    assert client.get(url, {"old": "9"}).status_code == 404
    assert signed_in(world.station, "claims").get(url).status_code == 404
    assert signed_in(world.hospital, "cashier").get(url).status_code == 403
