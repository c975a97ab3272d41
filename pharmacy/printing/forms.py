"""Which official form a paper is, and which papers a document has.

The same MS number stands in TT 22/2011 and TT 23/2011 for different papers, so a form is known by circular and number;
both are dated data (`pharmacy/data/paper_forms.csv`), as are the titles.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from his.catalogs.models import Drug
from his.core.dates import local
from his.core.errors import Refusal
from his.printing.services import Form
from pharmacy.models import StockDocument, Store

Kind = StockDocument.Kind

DATA = Path(__file__).resolve().parents[1] / "data" / "paper_forms.csv"
TEMPLATE = Path(__file__).with_name("stock_paper.typ")


@dataclass(frozen=True, slots=True)
class PaperForm:
    """One official form in force from a day on: circular and number (empty when there is none), title."""

    paper: str
    circular: str
    number: str
    title_vi: str
    valid_from: date
    valid_to: date | None


@cache
def paper_forms() -> tuple[PaperForm, ...]:
    """Every form of the data."""
    with DATA.open(encoding="utf-8", newline="") as file:
        return tuple(
            PaperForm(
                row["paper"],
                row["circular"],
                row["number"],
                row["title_vi"],
                date.fromisoformat(row["valid_from"]),
                date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            )
            for row in csv.DictReader(file)
        )


def form_on(paper: str, day: date) -> PaperForm:
    """The form of a paper on the day of its document. Refuses a day without one."""
    for form in paper_forms():
        if form.paper == paper and form.valid_from <= day and (form.valid_to is None or day <= form.valid_to):
            return form
    raise Refusal("no_form", f"Chưa có mẫu in cho ngày {day:%d/%m/%Y}")


def print_form_of(paper: str) -> Form:
    """The paper as the printing service knows it; a facility may bring its own template `stock_<paper>.typ`."""
    return _FORMS[paper]


def paper_forms_title(paper: str) -> str:
    """The title of a paper in ordinary letters, for buttons and the print log."""
    return NAMES[paper]


NAMES: Final[dict[str, str]] = {
    "inspection": "Biên bản kiểm nhập",
    "goods_in": "Phiếu nhập kho",
    "goods_out": "Phiếu xuất kho",
    "request": "Phiếu lĩnh thuốc",
    "ward_return": "Phiếu trả lại thuốc",
    "loss": "Biên bản mất, hỏng, vỡ",
    "destruction": "Biên bản hủy thuốc",
    "supplier_return": "Phiếu xuất trả nhà cung cấp",
    "controlled_out": "Phiếu xuất thuốc kiểm soát đặc biệt",
    "reversal": "Phiếu hủy chứng từ",
    "card": "Thẻ kho",
    "handover": "Biên bản bàn giao tủ trực",
    "incident": "Báo cáo đột xuất thuốc kiểm soát đặc biệt",
    "controlled_return": "Biên bản nhận lại thuốc kiểm soát đặc biệt",
}

_FORMS: Final = {paper: Form(f"stock_{paper}", title, TEMPLATE) for paper, title in NAMES.items()}

_PAPERS: Final[dict[str, tuple[str, ...]]] = {
    Kind.OPENING: ("goods_in",),
    Kind.RECEIPT: ("inspection", "goods_in"),
    Kind.TRANSFER: ("goods_out",),
    Kind.SHIPMENT: ("goods_out",),
    Kind.ARRIVAL: ("goods_in",),
    Kind.DISPENSE: ("goods_out",),
    Kind.PATIENT_RETURN: ("ward_return", "goods_in"),
    Kind.SUPPLIER_RETURN: ("supplier_return", "goods_out"),
    Kind.LOSS: ("loss", "goods_out"),
    Kind.DESTRUCTION: ("destruction", "goods_out"),
    Kind.COUNT_UP: ("goods_in",),
    Kind.COUNT_DOWN: ("goods_out",),
    Kind.REVERSAL: ("reversal",),
}


def papers_of(document: StockDocument, drugs: Sequence[Drug]) -> list[tuple[str, str]]:
    """Code and name of the papers of a document, the first is the usual one.

    Goods that a cabinet sends to another store are returned (05D of TT 23/2011); drugs under special control that
    leave the facility have a slip of their own from 16/07/2026 (annex XV of TT 18/2026).
    """
    found = list(_PAPERS[document.kind])
    if document.kind in (Kind.TRANSFER, Kind.SHIPMENT) and document.store.kind == Store.Kind.CABINET:
        found.insert(0, "ward_return")
    if document.kind == Kind.SUPPLIER_RETURN and any(drug.control_class for drug in drugs):
        day = local(document.posted_at).date()
        found += [form.paper for form in paper_forms() if form.paper == "controlled_out" and form.valid_from <= day]
    return [(paper, NAMES[paper]) for paper in found]
