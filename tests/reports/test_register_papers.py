"""How registers and the briefing look on paper: the pages of an open book, one wide page, figures and transfers."""

from datetime import date
from typing import Any

import pytest

from his.accounts.models import Facility
from his.printing.render import render_png
from reports.briefing.metrics import METRICS, Cell, completed
from reports.briefing.models import Briefing
from reports.briefing.paper import paper_data as briefing_data
from reports.briefing.queries import Row, Sheet
from reports.briefing.services import FORM as BRIEFING
from reports.registers.book import Book
from reports.registers.definition import OWN_LAYOUT, register_on, registers
from reports.registers.printing.paper import FORM, paper_data
from reports.registers.sources import Line
from tests.cast import DAY
from tests.his.paper_pictures import PPI, assert_looks_like

PLACE = Facility(
    code="99001",
    name="Trạm Y tế xã Thí Dụ",
    parent_name="Sở Y tế tỉnh Ví Dụ",
    province_code="99",
    kind="commune_station",
)
PRINT = {"copy_no": 2, "number": "GB", "printed_by": "Điều dưỡng", "printed_at": "07/10/2026 08:00"}
LONG = "Bệnh tăng huyết áp vô căn (nguyên phát) (I10); Bệnh đái tháo đường không phụ thuộc insulin (E11.9)"
HOSTILE = "Nguyễn <Thị> #Ẵng & 'Út' $x$"


def register_data(code: str, count: int, paper: str) -> dict[str, Any]:
    register = register_on(code, DAY)
    lines = []
    for number in range(1, count + 1):
        cells = dict.fromkeys(register.keys, "x")
        cells |= {"full_name": HOSTILE if number == 2 else "Phạm Thị Mai", "address": "Thôn Giả Định, xã Thí Dụ"}
        cells |= {key: LONG for key in ("diagnosis", "treatment") if key in cells and number % 3 == 0}
        day = date(2026, 10, 1 + number // 9)
        cancelled = "Ghi nhầm người" if number == 4 else ""
        lines.append(Line(f"E{number}", number, day, cells, {}, number, is_changed=number == 3, cancelled=cancelled))
    book = Book(PLACE, register, date(2026, 10, 1), date(2026, 10, 31))
    return {**paper_data(book, lines), "paper": paper, "part": "", "print": PRINT}


@pytest.mark.parametrize(("code", "count", "paper"), [("A1", 24, "A4"), ("A1", 12, "A3"), ("A3", 6, "A4")])
def test_registers_look_as_they_did(code: str, count: int, paper: str) -> None:
    pages = render_png(FORM.template, register_data(code, count, paper), ppi=PPI)
    assert_looks_like(f"register_{code.lower()}_{paper.lower()}", pages)


@pytest.mark.parametrize("code", [register.code for register in registers(DAY)])
@pytest.mark.parametrize("paper", ["A3", "A4"])
def test_every_register_prints_its_lines_on_facing_pages(code: str, paper: str) -> None:
    register = register_on(code, DAY)
    data = register_data(code, 3, paper)
    pages = render_png(FORM.template, data, ppi=20)
    is_book = paper == "A4" and any(column.page == 2 for column in register.columns)
    assert len(pages) == (2 if is_book else 1)
    assert data["register"]["layout_note"] == (OWN_LAYOUT if code != "A1" else "")


def test_the_briefing_looks_as_it_did() -> None:
    counted = {metric.code: Cell(counted=number) for number, metric in enumerate(METRICS) if metric.is_counted}
    cells = completed({**counted, "before": Cell(written=12), "visits": Cell(40, 41, "một người chưa nhập máy")})
    rows = [Row("K01", "Khám bệnh", cells), Row("K02", "Cấp cứu", completed({}))]
    slip = {"full_name": HOSTILE, "age": "72", "sex": "Nữ", "department": "Khám bệnh", "diagnosis": LONG}
    slip |= {"condition": "Tỉnh, mạch 90", "to": "99003", "at": "10:15 06/10", "doctor": "Trần Quang Giả"}
    data = briefing_data(Briefing(day=date(2026, 10, 7)), Sheet(date(2026, 10, 7), rows, [slip]))
    facility = {"code": "99001", "name": PLACE.name, "parent_name": PLACE.parent_name, "address": "", "phone": ""}
    pages = render_png(BRIEFING.template, {**data, "facility": facility, "print": PRINT}, ppi=PPI)
    assert_looks_like("briefing", pages)
