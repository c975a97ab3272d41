"""The papers of a posted stock document as PDF, from its lines and details only."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from his.access import DeskRequest, requires
from his.accounts.actor import Actor
from his.core.errors import NotFound
from his.printing.services import print_form
from his.printing.views import pdf_response
from his.service import service
from his.ui.text import day_text, decimal_text
from pharmacy import queries_documents as papers
from pharmacy.models import StockDocument
from pharmacy.printing.forms import papers_of, print_form_of
from pharmacy.printing.sheets import (
    AMOUNT,
    CODE,
    COUNTRY,
    EXPIRY,
    LONG,
    LOT,
    NAME,
    NO,
    NOTE,
    PRICE,
    QUANTITY,
    RIGHT,
    UNIT,
    Column,
    lot_cells,
    named,
    qty,
)
from pharmacy.printing.source import Source, money_rows, vat_text


@service(action="pharmacy.print_document", permission="pharmacy.view")
def print_document(*, document: StockDocument, paper: str, actor: Actor, at: datetime) -> bytes:
    """One paper of a posted document as PDF (in chứng từ kho). Papers that the document does not have are not found."""
    data = document_data(document, paper)
    form, is_long = print_form_of(paper), len(data["sheets"][0]["rows"]) > LONG
    return print_form(form=form, obj=document, data=data, number=document.number, actor=actor, at=at, is_list=is_long)


def document_data(document: StockDocument, paper: str) -> dict[str, Any]:
    """What the paper says."""
    lines = list(document.lines.select_related("lot__drug", "detail"))
    if paper not in dict(papers_of(document, [line.lot.drug for line in lines])):
        raise NotFound("Chứng từ này không có mẫu in đó")
    source = Source(document, lines, getattr(document, "detail", None))
    return {"sheets": [_SHEETS[paper](source)]}


def _inspection(source: Source) -> dict[str, Any]:
    columns = [NO, NAME, UNIT, LOT, COUNTRY, EXPIRY, PRICE, QUANTITY, AMOUNT, Column("Ghi chú", 26)]
    keys = ["no", "name", "unit", "lot", "country", "expiry", "price", "quantity", "amount", "note"]
    remarks = [("Cảm quan", "appearance"), ("Bao bì", "packaging"), ("Nhiệt độ khi nhận", "temperature")]
    roles = ("Trưởng khoa Dược", "Trưởng phòng TCKT", "Thủ kho", "Kế toán dược", "Cán bộ cung ứng")
    return source.sheet(
        "inspection",
        board_label="Thành phần hội đồng kiểm nhập",
        board=source.board,
        facts=[
            ["Nguồn nhập", source.document.supplier],
            ["Nguồn kinh phí", source.funding],
            ["Theo hóa đơn", source.invoice],
            ["Nhập vào kho", source.document.store.name],
        ],
        remarks=[[label, source.said(name)] for label, name in remarks],
        vat=vat_text(source),
        signers=source.signers(*roles),
        **money_rows(source, columns, keys),
    )


def _goods_in(source: Source) -> dict[str, Any]:
    document = source.document
    columns = [
        NO,
        Column("Tên, nhãn hiệu, quy cách, phẩm chất"),
        Column("Mã số", 17),
        UNIT,
        Column("Theo chứng từ", 19, RIGHT, "Số lượng"),
        Column("Thực nhập", 18, RIGHT, "Số lượng"),
        PRICE,
        AMOUNT,
    ]
    rows = money_rows(source, columns, ["no", "name", "code", "unit", "invoice", "quantity", "price", "amount"])
    _with_lots(rows["rows"], source, 1)
    origin = document.origin
    return source.sheet(
        "goods_in",
        facts=[
            ["Họ tên người giao", source.said("delivered_by")],
            ["Đơn vị", document.supplier or (origin.store.name if origin else "")],
            ["Theo", source.invoice or (f"phiếu {origin.number} ngày {day_text(origin.posted_at)}" if origin else "")],
            ["Nhập tại kho", document.store.name],
            ["Diễn giải", document.reason],
        ],
        signers=source.signers("Người lập", "Người giao hàng", "Thủ kho", "Kế toán trưởng", **_by(document)),
        **rows,
    )


def _goods_out(source: Source) -> dict[str, Any]:
    document = source.document
    columns = [
        NO,
        Column("Tên, nhãn hiệu, quy cách, phẩm chất"),
        Column("Mã số", 17),
        UNIT,
        Column("Yêu cầu", 17, RIGHT, "Số lượng"),
        Column("Thực xuất", 18, RIGHT, "Số lượng"),
        PRICE,
        AMOUNT,
    ]
    rows = money_rows(source, columns, ["no", "name", "code", "unit", "quantity", "quantity", "price", "amount"])
    _with_lots(rows["rows"], source, 1)
    _with_approved(rows["rows"], source, 4)
    reason = document.reason or document.get_kind_display().removeprefix("Phiếu ").capitalize()
    return source.sheet(
        "goods_out",
        facts=[
            ["Họ tên người nhận", source.said("delivered_by")],
            ["Đơn vị", document.target_store.name if document.target_store else document.supplier],
            ["Lý do xuất", reason],
            ["Xuất tại kho", document.store.name],
        ],
        signers=source.signers("Người lập", "Người nhận hàng", "Thủ kho", "Kế toán trưởng", **_by(document)),
        **rows,
    )


def _by(document: StockDocument) -> dict[str, str]:
    return {"Người lập": document.posted_by.display_name}


def _with_lots(rows: list[list[str]], source: Source, at: int) -> None:
    """Write lot and expiry under the name: the accounting voucher has no columns for them."""
    for row, line in zip(rows, source.lines, strict=True):
        row[at] = f"{row[at]}\nLô {line.lot.number}, hạn dùng {day_text(line.lot.expires_on)}"


def _with_approved(rows: list[list[str]], source: Source, at: int) -> None:
    """Write what a request approved for a drug beside its first lot; the other lots of the drug leave it empty."""
    request = source.detail.request if source.detail else None
    if request is None:
        return
    approved = {line.drug.code: line.approved_qty for line in request.lines.select_related("drug")}
    for row, line in zip(rows, source.lines, strict=True):
        row[at] = qty(approved.pop(line.lot.drug.code, None))


def _ward_return(source: Source) -> dict[str, Any]:
    columns = [NO, NAME, UNIT, LOT, QUANTITY, PRICE, AMOUNT, NOTE]
    rows = money_rows(source, columns, ["no", "name", "unit", "lot", "quantity", "price", "amount", "blank"])
    store, target = source.document.store, source.document.target_store
    return source.sheet(
        "ward_return",
        facts=[
            ["Khoa", store.department.name if store.department else ""],
            ["Trả từ", store.name if target else ""],
            ["Về kho", (target or store).name],
            ["Lý do", source.document.reason],
        ],
        signers=source.signers("Người lập", "Người trả", "Người nhận", "Trưởng khoa Dược", **_by(source.document)),
        **rows,
    )


def _loss(source: Source) -> dict[str, Any]:
    columns = [NO, CODE, NAME, UNIT, LOT, EXPIRY, QUANTITY, PRICE, AMOUNT]
    keys = ["no", "code", "name", "unit", "lot", "expiry", "quantity", "price", "amount"]
    roles = ("Người xác nhận", "Thủ kho", "Trưởng khoa Dược", "Thủ trưởng đơn vị")
    return source.sheet(
        "loss",
        board_label="Chúng tôi gồm",
        board=source.board,
        facts=[["Tại kho", source.document.store.name], ["Lý do", source.document.reason]],
        signers=source.signers(*roles),
        **money_rows(source, columns, keys),
    )


def _destruction(source: Source) -> dict[str, Any]:
    columns = [NO, NAME, UNIT, LOT, EXPIRY, QUANTITY, PRICE, AMOUNT, NOTE]
    keys = ["no", "name", "unit", "lot", "expiry", "quantity", "price", "amount", "blank"]
    signing = [[title or "Ủy viên", name] for name, title in source.board]
    return source.sheet(
        "destruction",
        board_label="Hội đồng hủy thuốc gồm",
        board=source.board,
        facts=[
            ["Tại kho", source.document.store.name],
            ["Lý do hủy", source.document.reason],
            ["Cách hủy", source.said("method")],
        ],
        signers=signing or named(["Chủ tịch hội đồng", "Thư ký", "Ủy viên"]),
        **money_rows(source, columns, keys),
    )


def _supplier_return(source: Source) -> dict[str, Any]:
    columns = [NO, NAME, UNIT, LOT, EXPIRY, QUANTITY, PRICE, AMOUNT, NOTE]
    keys = ["no", "name", "unit", "lot", "expiry", "quantity", "price", "amount", "blank"]
    origin = source.document.origin
    return source.sheet(
        "supplier_return",
        facts=[
            ["Nhà cung cấp", source.document.supplier],
            ["Người nhận", source.said("delivered_by")],
            ["Theo phiếu nhập", f"{origin.number} ngày {day_text(origin.posted_at)}" if origin else ""],
            ["Hóa đơn", origin.reference if origin else ""],
            ["Xuất từ kho", source.document.store.name],
            ["Lý do trả", source.document.reason],
        ],
        signers=source.signers(
            "Người lập", "Người nhận hàng", "Thủ kho", "Trưởng khoa Dược", "Thủ trưởng đơn vị", **_by(source.document)
        ),
        **money_rows(source, columns, keys),
    )


def _controlled_out(source: Source) -> dict[str, Any]:
    """Only the drugs under special control; without money, as annex XV asks."""
    columns = [
        NO,
        NAME,
        UNIT,
        Column("Số lượng xuất", 19, RIGHT),
        Column("Số lô, hạn dùng", 30),
        Column("Tên nhà SX, nước SX", 38),
        NOTE,
    ]
    rows: list[list[str]] = []
    for line in source.lines:
        drug = line.lot.drug
        if drug.control_class:
            cells = lot_cells(line.lot)
            maker = ", ".join(part for part in (drug.manufacturer, drug.country) if part)
            sealed = f"{cells['lot']}, {cells['expiry']}"
            rows.append(
                [
                    str(len(rows) + 1),
                    cells["name"],
                    cells["unit"],
                    decimal_text(line.quantity),
                    sealed,
                    maker,
                    drug.get_control_class_display(),
                ]
            )
    return source.sheet(
        "controlled_out",
        facts=[
            ["Nơi nhận", source.document.supplier],
            ["Xuất từ kho", source.document.store.name],
            ["Lý do xuất", source.document.reason],
        ],
        columns=columns,
        rows=rows,
        signers=named(["Người giao", "Người nhận", "Đại diện đơn vị"]),
    )


def _reversal(source: Source) -> dict[str, Any]:
    columns = [NO, NAME, UNIT, LOT, EXPIRY, QUANTITY, PRICE, AMOUNT]
    keys = ["no", "name", "unit", "lot", "expiry", "quantity", "price", "amount"]
    undone = source.document.reverses
    what = f"{undone.get_kind_display()} {undone.number} ngày {day_text(undone.posted_at)}" if undone else ""
    return source.sheet(
        "reversal",
        facts=[
            ["Hủy chứng từ", what],
            ["Kho", source.document.store.name],
            ["Lý do hủy", source.document.reason],
        ],
        signers=source.signers("Người lập", "Thủ kho", "Trưởng khoa Dược", "Kế toán trưởng", **_by(source.document)),
        **money_rows(source, columns, keys),
    )


_SHEETS: Final[dict[str, Callable[[Source], dict[str, Any]]]] = {
    "inspection": _inspection,
    "goods_in": _goods_in,
    "goods_out": _goods_out,
    "ward_return": _ward_return,
    "loss": _loss,
    "destruction": _destruction,
    "supplier_return": _supplier_return,
    "controlled_out": _controlled_out,
    "reversal": _reversal,
}


@require_GET
@requires("pharmacy.view")
def document_pdf(request: DeskRequest, pk: int, paper: str) -> HttpResponse:
    """A paper of a document of the user's facility."""
    document = papers.document(request.actor.facility, pk)
    pdf = print_document(document=document, paper=paper, actor=request.actor, at=timezone.now())
    return pdf_response(pdf, f"{paper.replace('_', '-')}-{document.number}.pdf")
