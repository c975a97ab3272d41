"""Papers by typst: data are printed as they are, nothing outside is read, copies are counted."""

import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from his.audit.models import AuditEntry
from his.printing.codes import code128_svg, qr_svg
from his.printing.models import PrintRecord
from his.printing.render import as_json, render_list_pdf, render_pdf, render_png
from his.printing.services import Form, print_form
from patients.models import QueueTicket
from patients.printing.ticket import TICKET, print_ticket
from tests.cast import World, at, lan_visit
from tests.his.paper_pictures import grey

HOSTILE = "#let x = 1 $y$ <b> *b* _i_ `c` \\ // -- ~ @ref = \"q\" 'q' [z] #data ]"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.typ"
    path.write_text("#set page(width: 160mm, height: 20mm, margin: 3mm)\n#data.text")
    return path


def test_markup_in_data_is_printed_as_it_is(plain: Path, tmp_path: Path) -> None:
    """The same picture as the text written as a typst string, letter by letter."""
    spelled = tmp_path / "spelled.typ"
    string = "".join(f"\\u{{{ord(letter):x}}}" for letter in HOSTILE)
    spelled.write_text(f'#set page(width: 160mm, height: 20mm, margin: 3mm)\n#"{string}"')
    assert np.array_equal(grey(render_png(plain, {"text": HOSTILE})[0]), grey(render_png(spelled, {"text": ""})[0]))


@hypothesis_settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_can_be_printed(text: str) -> None:
    path = Path(django_settings.BASE_DIR) / "patients" / "printing" / "ticket.typ"
    data = dict.fromkeys(("number", "room", "full_name", "birth", "payer", "patient_code", "issued_at"), text)
    facility = dict.fromkeys(("name", "parent_name", "code", "address", "phone"), text)
    printed = {"number": text, "copy_no": 1, "printed_by": text, "printed_at": text}
    full = {**data, "is_priority": True, "claim_code": text, "qr": qr_svg("x"), "facility": facility, "print": printed}
    assert render_pdf(path, full).startswith(b"%PDF")


def test_printing_leaves_no_folder_behind(plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    render_pdf(plain, {"text": "Nguyễn Thị Lan"})
    render_png(plain, {"text": "Nguyễn Thị Lan"})
    assert list(scratch.iterdir()) == []


def test_the_same_data_give_the_same_bytes(plain: Path) -> None:
    data = {"text": "Nguyễn Thị Lan"}
    assert render_pdf(plain, data, at=at(9)) == render_pdf(plain, data, at=at(9))
    assert render_pdf(plain, data, at=at(9)) != render_pdf(plain, data, at=at(10))
    assert len(render_pdf(plain, data, is_tagged=False)) < len(render_pdf(plain, data))


def test_a_long_list_is_printed_in_a_process_apart(plain: Path, tmp_path: Path) -> None:
    data = {"text": HOSTILE + "Ẵ"}
    assert render_list_pdf(plain, data, at=at(9)) == render_pdf(plain, data, at=at(9), is_tagged=False)
    wrong = tmp_path / "wrong.typ"
    wrong.write_text("#data.missing")
    with pytest.raises(RuntimeError, match="missing"):
        render_list_pdf(wrong, data)


@pytest.mark.parametrize("value", [1.5, Decimal(1), [{"a": [2.0]}], {"x": b"1"}])
def test_numbers_that_a_template_would_have_to_format_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="texts and whole numbers"):
        as_json({"value": value})


@pytest.mark.parametrize("source", ['#read("/etc/hostname")', '#read("../../../etc/hostname")'])
def test_a_template_reads_no_file(tmp_path: Path, source: str) -> None:
    path = tmp_path / "bad.typ"
    path.write_text(source)
    with pytest.raises(RuntimeError, match=r"not found|escape"):
        render_pdf(path, {})


def test_a_template_asks_for_no_package(tmp_path: Path) -> None:
    path = tmp_path / "bad.typ"
    path.write_text('#import "@preview/x:0.1.0"')
    with pytest.raises(ValueError, match="nothing from outside"):
        render_pdf(path, {})


def test_codes_hold_their_text() -> None:
    svg = qr_svg("99001.2610.000001")
    assert svg.startswith("<svg")
    assert 'viewBox="0 0 25 25"' in svg, "21 modules and a quiet zone of 2"
    bars = code128_svg("99002.DT26.000001")
    # a symbol is 11 modules with 3 bars, the stop 13 with 4; pairs of digits share a symbol
    symbols, rest = divmod(int(bars.split('viewBox="0 0 ')[1].split()[0]) - 20 - 13, 11)
    assert (rest, bars.count("M")) == (0, symbols * 3 + 4)
    assert symbols < 19
    with pytest.raises(ValueError):
        code128_svg("Đơn")


def test_each_print_is_a_copy_with_a_number(world: World) -> None:
    ticket = QueueTicket.objects.get(visit=lan_visit(world.hospital))
    actor = world.hospital.actor("reception")
    first = print_ticket(ticket=ticket, actor=actor, at=at(9))
    second = print_ticket(ticket=ticket, actor=actor, at=at(9))
    assert first.startswith(b"%PDF")
    assert first != second, "the copy number is on the paper"
    rows = PrintRecord.objects.filter(form="ticket", object_id=ticket.pk).order_by("copy_no")
    assert [(row.copy_no, row.printed_by, row.facility) for row in rows] == [
        (1, actor.user, actor.facility),
        (2, actor.user, actor.facility),
    ]
    entry = AuditEntry.objects.filter(action="patients.print_ticket").latest("pk")
    assert entry.object_id == ticket.pk


def test_a_print_is_a_step_of_a_service(world: World) -> None:
    ticket = QueueTicket.objects.get(visit=lan_visit(world.hospital))
    with pytest.raises(RuntimeError, match="step of other services"):
        print_form(form=TICKET, obj=ticket, data={}, number="1", actor=world.hospital.actor("reception"), at=at(9))


def test_a_facility_has_its_own_template(world: World, tmp_path: Path) -> None:
    own = tmp_path / "forms" / "99002" / "ticket.typ"
    own.parent.mkdir(parents=True)
    own.write_text("#set page(width: 30mm, height: 30mm)\n#data.number")
    with override_settings(VAR_DIR=tmp_path):
        assert TICKET.template_for(world.hospital.facility) == own
        assert TICKET.template_for(world.station.facility) == TICKET.template
        ticket = QueueTicket.objects.get(visit=lan_visit(world.hospital))
        assert print_ticket(ticket=ticket, actor=world.hospital.actor("reception"), at=at(9)).startswith(b"%PDF")


def test_form_codes_are_file_names() -> None:
    with pytest.raises(ValueError, match="form code"):
        Form("../ticket", "x", Path("x"))
