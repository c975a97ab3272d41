"""Nobody approves their own request for drugs, unless the head of a place with one person allows it."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from his.audit.models import AuditEntry
from his.core.errors import PermissionRefused, Refusal
from pharmacy.models import OwnApprovalRule, StockRequest
from pharmacy.services.requests import AskLine, allow_own_approval, approve_request, send_request, write_request
from tests.cast import World, at
from tests.pharmacy import shelf
from tests.pharmacy.shelf import PARACETAMOL
from tests.scenes import scene


@scene
def place(world: World):
    return world.hospital


def sent(world: World, *, writer: str, sender: str) -> StockRequest:
    """A request for 60 tablets of a ward cabinet, written by one and sent by another."""
    place = world.hospital
    main, ward = shelf.main_store(place), shelf.cabinet(place)
    asked = write_request(
        store=ward,
        source_store=main,
        lines=[AskLine(world.drug(place, PARACETAMOL), Decimal(60))],
        actor=place.actor(writer),
        at=at(7),
    )
    return send_request(request=asked, actor=place.actor(sender), at=at(7))


def approve(place, asked: StockRequest) -> StockRequest:
    given = {line.pk: line.asked_qty for line in asked.lines.all()}
    return approve_request(request=asked, approved=given, actor=place.actor("head"), at=at(8))


@pytest.mark.parametrize(("writer", "sender"), [("head", "head"), ("nurse", "head"), ("head", "nurse")])
def test_who_wrote_or_sent_a_request_does_not_approve_it(world: World, place, writer: str, sender: str) -> None:
    asked = sent(world, writer=writer, sender=sender)
    with pytest.raises(Refusal) as refused:
        approve(place, asked)
    assert refused.value.code == "own_request"
    asked.refresh_from_db()
    assert asked.state == StockRequest.State.SENT


def test_the_head_of_the_place_may_allow_it_and_each_such_approval_is_marked(world: World, place) -> None:
    asked = sent(world, writer="head", sender="head")
    with pytest.raises(PermissionRefused):
        allow_own_approval(is_allowed=True, reason="Một người", actor=place.actor("head"), at=at(8))
    with pytest.raises(Refusal) as refused:
        allow_own_approval(is_allowed=True, reason=" ", actor=place.actor("manager"), at=at(8))
    assert refused.value.field == "reason"
    allow_own_approval(is_allowed=True, reason="Kho chỉ có một người", actor=place.actor("manager"), at=at(8))
    assert approve(place, asked).state == StockRequest.State.APPROVED
    entries = AuditEntry.objects.for_facility(place.facility)
    assert entries.get(action="pharmacy.allow_own_approval").facts["is_allowed"] is True
    assert entries.get(action="pharmacy.approve_request").facts["own_request"] is True


def test_the_latest_decision_holds_and_none_is_changed(world: World, place) -> None:
    manager = place.actor("manager")
    first = allow_own_approval(is_allowed=True, reason="Một người", actor=manager, at=at(8))
    with pytest.raises(Refusal, match="đang như vậy"):
        allow_own_approval(is_allowed=True, reason="Một người", actor=manager, at=at(8))
    allow_own_approval(is_allowed=False, reason="Đã có người thứ hai", actor=manager, at=at(9))
    with pytest.raises(Refusal, match="không tự duyệt"):
        approve(place, sent(world, writer="head", sender="head"))
    first.reason = "Khác"
    with pytest.raises(DatabaseError, match="append_only"), transaction.atomic():
        first.save()


def test_the_screens_say_who_approves_and_the_head_of_the_place_decides(world: World, place, client, time_machine):
    asked = sent(world, writer="head", sender="head")
    time_machine.move_to(at(9), tick=False)
    page, approving = (
        reverse("stock-request", args=[asked.pk]),
        reverse("stock-request-act", args=[asked.pk, "approve"]),
    )
    quantities = {f"approved_{line.pk}": "60" for line in asked.lines.all()}
    client.force_login(place.users["head"])
    shown = client.get(page).content.decode()
    assert "người khác duyệt" in shown
    assert 'data-action="save"' not in shown
    refused = client.post(approving, quantities)
    assert (refused.status_code, "không tự duyệt" in refused.content.decode()) == (422, True)
    rule = reverse("stock-own-approval")
    assert client.post(rule, {"is_allowed": "1", "reason": "Một người"}).status_code == 403
    client.force_login(place.users["manager"])
    assert "không tự duyệt" in client.get(reverse("stock-stores")).content.decode()
    empty = client.post(rule, {"is_allowed": "1", "reason": ""})
    assert (empty.status_code, "Hãy ghi lý do" in empty.content.decode()) == (422, True)
    assert client.post(rule, {"is_allowed": "1", "reason": "Kho chỉ có một người"}).status_code == 302
    assert "Kho chỉ có một người" in client.get(reverse("stock-stores")).content.decode()
    assert OwnApprovalRule.objects.get().by == place.users["manager"]
    client.force_login(place.users["head"])
    assert "cơ sở cho tự duyệt" in client.get(page).content.decode()
    assert client.post(approving, quantities).status_code == 302
