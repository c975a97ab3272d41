"""`manage.py stock_check` finds a balance that is not the sum of its movements, and only that."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from pharmacy.models import LotBalance
from tests.pharmacy import shelf


def check(**options) -> str:
    out = StringIO()
    call_command("stock_check", stdout=out, **options)
    return out.getvalue()


def test_a_right_stock_passes(world):
    shelf.receive(world.station, shelf.dispensary(world.station), shelf.goods(world, world.station))
    assert check().splitlines() == ["99001: tồn kho khớp sổ kho", "99002: tồn kho khớp sổ kho"]


def test_a_difference_is_listed_and_fails(world):
    place = world.station
    shelf.receive(place, shelf.dispensary(place), shelf.goods(world, place, lot="L'1"))
    LotBalance.objects.update(on_hand=Decimal("99.5"))
    out = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("stock_check", facility="99001", stdout=out)
    assert failed.value.returncode == 1
    assert out.getvalue().strip() == "99001 CP TH0001 lô L'1: tồn 99,5, sổ 100"
    assert check(facility="99002").strip() == "99002: tồn kho khớp sổ kho"


def test_kept_stock_without_a_reservation_is_listed(world):
    place, store = world.station, shelf.dispensary(world.station)
    shelf.receive(place, store, shelf.goods(world, place))
    shelf.lan_prescription(world, place)
    assert "khớp" in check(facility="99001")
    LotBalance.objects.update(reserved=Decimal(21))
    out = StringIO()
    with pytest.raises(CommandError, match="1 chỗ"):
        call_command("stock_check", facility="99001", stdout=out)
    assert out.getvalue().strip() == "99001 CP TH0001 lô L1: đang giữ 21, sổ 20"


def test_an_unknown_facility_is_said(world):
    with pytest.raises(CommandError, match="00000"):
        check(facility="00000")
