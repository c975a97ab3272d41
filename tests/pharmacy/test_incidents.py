"""Reports of lost drugs under special control: what must be reported, by when, who signs, what nothing may change."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from his.audit.models import AuditEntry
from his.catalogs.models import Drug
from his.core.errors import PermissionRefused, Refusal
from his.demo.places import DEMO_PASSWORD
from pharmacy.incidents import RowText, deadline
from pharmacy.models import ControlledIncident, StockDocument, Store
from pharmacy.printing.incidents import print_incident
from pharmacy.queries_incidents import open_incidents, unreported
from pharmacy.services.incidents import (
    dismiss_incident,
    edit_incident,
    record_incident_sent,
    report_incident,
    sign_incident,
)
from pharmacy.services.stock import LotLine, record_loss, reverse_document
from tests.cast import DAY, World, at
from tests.insurance.walk import signed_in
from tests.pdf_text import joined, pieces
from tests.pharmacy import shelf
from tests.pharmacy.shelf import AMLODIPIN, PARACETAMOL
from tests.scenes import scene


@scene
def store(world: World) -> Store:
    """A dispensary with 100 of a psychotropic (L1) and 100 of an ordinary drug (L2)."""
    place = world.station
    Drug.objects.for_facility(place.facility).filter(code=PARACETAMOL).update(control_class="psychotropic")
    made = shelf.dispensary(place)
    shelf.receive(place, made, shelf.goods(world, place), shelf.goods(world, place, code=AMLODIPIN, lot="L2"))
    return made


def lose(world: World, store: Store, *lots: str, hour: int = 9) -> StockDocument:
    """Three of each lot gone."""
    lines = [LotLine(lot=shelf.lot(number), quantity=Decimal(3)) for number in lots]
    actor = world.station.actor("pharmacist")
    return record_loss(store=store, lines=lines, reason="Tủ bị cạy", actor=actor, at=at(hour))


def report(world: World, document: StockDocument, *, measure: str = "Báo công an xã") -> ControlledIncident:
    texts = {line.pk: RowText("Mất trộm", measure) for line in document.lines.filter(lot__number="L1")}
    given = {"document": document, "kind": "loss", "found_at": at(8), "texts": texts}
    return report_incident(**given, actor=world.station.actor("pharmacist"), at=at(10))


def test_only_losses_of_controlled_drugs_wait_and_undoing_ends_it(world: World, store: Store) -> None:
    facility = world.station.facility
    lose(world, store, "L2")
    assert unreported(facility, at(12)) == []
    both = lose(world, store, "L1", "L2", hour=10)
    (one,) = unreported(facility, at(12))
    assert (one.document, one.drugs) == (both, "Paracetamol 500mg 3 Viên")
    assert unreported(world.hospital.facility, at(12)) == []
    reverse_document(document=both, reason="Ghi nhầm", actor=world.station.actor("pharmacist"), at=at(11))
    assert unreported(facility, at(12)) == []
    with pytest.raises(Refusal, match="không có thuốc kiểm soát"):
        report(world, StockDocument.objects.get(pk=both.pk))


def test_before_the_circular_nothing_is_asked(world: World, store: Store) -> None:
    document = lose(world, store, "L1")
    line = LotLine(lot=shelf.lot("L1"), quantity=Decimal(1))
    long_ago = at(9, day=DAY.replace(month=7, day=15))
    record_loss(store=store, lines=[line], reason="Vỡ", actor=world.station.actor("pharmacist"), at=long_ago)
    assert [one.document for one in unreported(world.station.facility, at(12))] == [document]


@pytest.mark.parametrize(
    ("passed", "text", "kind"),
    [
        (timedelta(0), "còn 48 giờ 0 phút", "wait"),
        (timedelta(hours=36), "còn 12 giờ 0 phút", "warn"),
        (timedelta(hours=48), "còn 0 phút", "warn"),
        (timedelta(hours=48, minutes=1), "quá hạn 1 phút", "stop"),
        (timedelta(hours=73, minutes=5), "quá hạn 25 giờ 5 phút", "stop"),
    ],
)
def test_the_hours_count_from_when_it_was_noticed(passed: timedelta, text: str, kind: str) -> None:
    said = deadline(at(8), at(8) + passed)
    assert (said.text, said.kind) == (text, kind)


def test_the_list_says_which_drug_a_report_is_about(world: World, store: Store) -> None:
    report(world, lose(world, store, "L1"))
    page = signed_in(world.station, "manager").get(reverse("controlled-incidents")).content.decode()
    assert "Paracetamol 500mg <b>3</b> Viên" in page


def test_from_draft_to_sent(world: World, store: Store) -> None:
    keeper, head = world.station.actor("pharmacist"), world.station.actor("manager")
    document = lose(world, store, "L1", "L2")
    made = report(world, document, measure="")
    assert [row["name"] for row in made.rows] == ["Paracetamol 500mg"], "only the controlled drug"
    with pytest.raises(Refusal, match="đã có báo cáo"):
        report(world, document)
    with pytest.raises(PermissionRefused):
        sign_incident(incident=made, actor=keeper, at=at(11))
    with pytest.raises(Refusal, match="chưa ghi biện pháp"):
        sign_incident(incident=made, actor=head, at=at(11))
    with pytest.raises(Refusal, match="chưa ký"):
        record_incident_sent(incident=made, sent_no="1", sent_to="Sở Y tế", sent_at=at(11), actor=keeper, at=at(12))
    (line,) = (row["line"] for row in made.rows)
    texts = {line: RowText("Mất trộm", "Báo công an xã")}
    edit_incident(incident=made, kind="loss", found_at=at(8), texts=texts, actor=keeper, at=at(11))
    signed = sign_incident(incident=made, actor=head, at=at(12))
    assert len(signed.sha256) == 64
    with pytest.raises(Refusal, match="đã ký"):
        edit_incident(incident=made, kind="mix_up", found_at=at(8), texts=texts, actor=keeper, at=at(13))
    with pytest.raises(Refusal, match="không thể gửi trước"):
        record_incident_sent(incident=made, sent_no="1", sent_to="Sở Y tế", sent_at=at(11), actor=keeper, at=at(13))
    sent = record_incident_sent(
        incident=made, sent_no="12/TYT", sent_to="Sở Y tế tỉnh Ví Dụ", sent_at=at(13), actor=keeper, at=at(14)
    )
    assert sent.state == "sent"
    actions = list(AuditEntry.objects.filter(facility=store.facility).values_list("action", flat=True))
    said = [one for one in actions if "incident" in one]
    assert said == [
        "pharmacy.report_incident",
        "pharmacy.edit_incident",
        "pharmacy.sign_incident",
        "pharmacy.record_incident_sent",
    ]
    paper = joined(pieces(print_incident(incident=sent, actor=keeper, at=at(15))))
    for part in ("Phụ lục XI", "Mất trộm", "Báo công an xã", sent.sha256, "12/TYT"):
        assert part in paper


def test_what_is_signed_or_ended_is_never_changed(world: World, store: Store) -> None:
    made = report(world, lose(world, store, "L1"))
    head = world.station.actor("manager")
    sign_incident(incident=made, actor=head, at=at(12))
    rows = ControlledIncident.objects.filter(pk=made.pk)
    changes: list[Callable[[], object]] = [
        lambda: rows.update(rows=[]),
        lambda: rows.update(found_at=at(9)),
        lambda: rows.update(state="drafted", signed_by=None, signed_at=None, sha256=""),
        lambda: rows.update(state="sent"),
        lambda: rows.delete(),
    ]
    dismissed = dismiss_incident(document=lose(world, store, "L1", hour=13), reason="Vỡ ống", actor=head, at=at(14))
    changes.append(lambda: ControlledIncident.objects.filter(pk=dismissed.pk).update(dismiss_reason="Khác"))
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert unreported(store.facility, at(15)) == []


def test_a_draft_whose_document_was_undone_is_ended_by_the_head(world: World, store: Store, time_machine) -> None:
    time_machine.move_to(at(11), tick=False)
    document = lose(world, store, "L1")
    made = report(world, document)
    reverse_document(document=document, reason="Ghi nhầm", actor=world.station.actor("pharmacist"), at=at(11))
    with pytest.raises(Refusal, match="đã bị hủy"):
        sign_incident(incident=made, actor=world.station.actor("manager"), at=at(11))
    head = signed_in(world.station, "manager")
    shown = head.get(reverse("controlled-incident", args=[made.pk])).content.decode()
    assert "không ký được nữa" in shown
    assert "Ký của người đứng đầu" not in shown
    page = reverse("controlled-incident-dismiss", args=[document.pk])
    assert "Hãy ghi lý do" in head.post(page, {"reason": ""}).content.decode()
    assert head.post(page, {"reason": "Phiếu ghi nhầm"}).status_code == 302
    made.refresh_from_db()
    assert (made.state, made.dismiss_reason, made.sha256) == ("dismissed", "Phiếu ghi nhầm", "")
    assert open_incidents(store.facility) == []
    signed = report(world, lose(world, store, "L1"))
    sign_incident(incident=signed, actor=world.station.actor("manager"), at=at(12))
    with pytest.raises(Refusal, match="đã có báo cáo"):
        dismiss_incident(document=signed.document, reason="Thôi", actor=world.station.actor("manager"), at=at(12))


def test_the_day_of_the_document_says_whether_a_drug_is_controlled(world: World, store: Store) -> None:
    drug = world.drug(world.station, PARACETAMOL)
    before, after = lose(world, store, "L1"), at(9, day=DAY + timedelta(days=2))
    drug.valid_to = DAY
    drug.save()
    drug.pk, drug.control_class = None, ""
    drug.valid_from, drug.valid_to = DAY + timedelta(days=1), None
    drug.save()
    line = LotLine(lot=shelf.lot("L1"), quantity=Decimal(1))
    record_loss(store=store, lines=[line], reason="Vỡ", actor=world.station.actor("pharmacist"), at=after)
    assert [one.document for one in unreported(store.facility, after)] == [before]


def test_the_desk_counts_down_and_takes_the_report_to_its_end(world: World, store: Store, time_machine) -> None:
    time_machine.move_to(at(11), tick=False)
    document = lose(world, store, "L1")
    keeper, head = signed_in(world.station, "pharmacist"), signed_in(world.station, "manager")
    assert "còn 46 giờ 0 phút" in keeper.get(reverse("controlled-book")).content.decode()
    new = reverse("controlled-incident-new", args=[document.pk])
    line = document.lines.get().pk
    typed = {"kind": "loss", "found_at": "06/10/2026 25:00", f"cause-{line}": "Mất trộm", f"measure-{line}": "Báo"}
    wrong = keeper.post(new, typed)
    assert wrong.status_code == 422
    assert "còn 46 giờ" in wrong.content.decode()
    late = keeper.post(new, {**typed, "kind": "?", "found_at": "06/10/2026 08:30"}).content.decode()
    assert "còn 45 giờ 30 phút" in late, "from when it was noticed"
    assert "Mất trộm" in wrong.content.decode(), "nothing typed is lost"
    assert keeper.post(new, {**typed, "found_at": "06102026 0830"}).status_code == 302
    made = ControlledIncident.objects.get()
    assert made.found_at == at(8, 30)
    sign = reverse("controlled-incident-sign", args=[made.pk])
    assert keeper.post(sign, {"password": DEMO_PASSWORD}).status_code == 403
    assert head.post(sign, {"password": "khác"}).status_code == 422
    assert head.post(sign, {"password": DEMO_PASSWORD}).status_code == 302
    sent = {"sent_no": "12/TYT", "sent_to": "Sở Y tế", "sent_at": "06/10/2026 11:00"}
    assert keeper.post(reverse("controlled-incident-sent", args=[made.pk]), sent).status_code == 302
    listed = keeper.get(reverse("controlled-incidents")).content.decode()
    assert "Đã gửi" in listed
    assert "12/TYT" in listed
    assert keeper.get(reverse("controlled-incident-pdf", args=[made.pk])).content.startswith(b"%PDF")


def test_the_head_decides_that_it_is_none(world: World, store: Store, time_machine, client: Client) -> None:
    time_machine.move_to(at(11), tick=False)
    document = lose(world, store, "L1")
    head = signed_in(world.station, "manager")
    page = reverse("controlled-incident-dismiss", args=[document.pk])
    assert signed_in(world.station, "pharmacist").post(page, {"reason": "Vỡ"}).status_code == 403
    assert head.post(page, {"reason": ""}).status_code == 422
    assert head.post(page, {"reason": "Vỡ khi bốc xếp, có biên bản"}).status_code == 302
    shown = head.get(reverse("controlled-incidents")).content.decode()
    assert "Vỡ khi bốc xếp" in shown
    assert "chưa báo cáo.</span>" in shown
