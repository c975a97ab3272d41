"""Whether a spreadsheet opens without a repair prompt and prints one page wide, asked of its XML parts."""

import re
import zipfile
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from lxml import etree
from openpyxl import load_workbook
from xlsxwriter.worksheet import Worksheet

from reports.definition import Form
from reports.export import xlsx

NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
CELL = re.compile(r"([A-Z]{1,3})(\d+)")
MOST_TEXT = 32767


def _place(ref: str) -> tuple[int, int]:
    letters, digits = CELL.fullmatch(ref).groups()  # type: ignore[union-attr]
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return int(digits), number


def faults(content: bytes) -> list[str]:
    """What a program that opens the file would mend or ask about, and sheets that are not one page wide."""
    with zipfile.ZipFile(BytesIO(content)) as file:
        if (broken := file.testzip()) is not None:
            return [f"{broken} is broken"]
        parts = {
            name: etree.fromstring(file.read(name)) for name in file.namelist() if name.endswith((".xml", ".rels"))
        }
    styles = len(parts["xl/styles.xml"].findall("m:cellXfs/m:xf", NS))
    told = [f"{name}: sheet name" for name in _names(parts["xl/workbook.xml"])]
    shared = len(parts["xl/sharedStrings.xml"].findall("m:si", NS)) if "xl/sharedStrings.xml" in parts else 0
    sheets = {name: root for name, root in parts.items() if name.startswith("xl/worksheets/sheet")}
    for name, root in sheets.items():
        told += [f"{name}: {text}" for text in (*_cells(root, styles, shared), *_merges(root), *_print(root))]
    for path in (node.get("PartName", "") for node in parts["[Content_Types].xml"] if node.get("PartName")):
        if path.removeprefix("/") not in parts:
            told.append(f"[Content_Types] names {path}, which is not there")
    return told


def _names(book: etree._Element) -> list[str]:
    names = [sheet.get("name", "") for sheet in book.findall("m:sheets/m:sheet", NS)]
    wrong = [name for name in names if not 1 <= len(name) <= 31 or set(name) & set("[]:*?/\\")]
    return wrong + [name for name in names if names.count(name) > 1]


def _cells(root: etree._Element, styles: int, shared: int) -> list[str]:
    told = []
    rows = root.findall("m:sheetData/m:row", NS)
    if any(int(a.get("r", 0)) >= int(b.get("r", 0)) for a, b in pairwise(rows)):
        told.append("rows are not in order")
    for row in rows:
        places = [_place(cell.get("r", "")) for cell in row]
        if any(y != int(row.get("r", 0)) for y, _ in places) or any(a >= b for a, b in pairwise(places)):
            told.append(f"cells of row {row.get('r')} are not in order, or twice there")
        for cell in row:
            text = "".join(cell.itertext())
            if int(cell.get("s", 0)) >= styles or len(text) > MOST_TEXT:
                told.append(f"{cell.get('r')}: look or length")
            if cell.get("t") == "s" and int(text) >= shared:
                told.append(f"{cell.get('r')}: no such text")
            if cell.get("t") in (None, "n") and text:
                float(text)
    return told


def _merges(root: etree._Element) -> list[str]:
    taken: set[tuple[int, int]] = set()
    told = []
    merges = root.find("m:mergeCells", NS)
    if merges is not None and int(merges.get("count", -1)) != len(merges):
        told.append("the number of merged ranges is wrong")
    for merge in merges if merges is not None else ():
        (top, left), (bottom, right) = map(_place, merge.get("ref", "").split(":"))
        places = {(y, x) for y in range(top, bottom + 1) for x in range(left, right + 1)}
        if places & taken or len(places) < 2:
            told.append(f"{merge.get('ref')} is merged twice or is one cell")
        taken |= places
    return told


def _print(root: etree._Element) -> list[str]:
    fit, page = root.find("m:sheetPr/m:pageSetUpPr", NS), root.find("m:pageSetup", NS)
    if fit is None or fit.get("fitToPage") != "1" or page is None:
        return ["is not fitted to the page"]
    wide, high, paper = page.get("fitToWidth", "1"), page.get("fitToHeight", "1"), page.get("paperSize")
    if wide != "1" or high not in ("0", "1") or paper not in ("8", "9"):  # A3 or A4; all of a short one on one page
        return [f"prints {wide} wide and {high} high on paper {paper}"]
    return []


def cells_of(content: bytes) -> dict[str, Any]:
    """Value, type and look of every cell, what is merged, and how high and wide rows and columns are."""
    found: dict[str, Any] = {}
    for sheet in load_workbook(BytesIO(content)).worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                look = (cell.number_format, cell.font.b, cell.border.left.style, cell.alignment.horizontal)
                found[f"{sheet.title}!{cell.coordinate}"] = (cell.value, cell.data_type, *look)
        found[f"{sheet.title} merged"] = sorted(str(merged) for merged in sheet.merged_cells.ranges)
        found[f"{sheet.title} widths"] = {name: one.width for name, one in sheet.column_dimensions.items()}
        found[f"{sheet.title} heights"] = {name: one.height for name, one in sheet.row_dimensions.items()}
        found[f"{sheet.title} frozen"] = (sheet.freeze_panes, sheet.print_title_rows, sheet.auto_filter.ref)
    return found


def assert_no_cell_is_lost(form: Form, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The file as it is streamed, against one that the library keeps in memory and writes as a whole, both ways."""
    streamed = xlsx.to_xlsx(form, values, "")
    assert faults(streamed) == []
    with monkeypatch.context() as patch:
        patch.setattr(xlsx, "ROW_BY_ROW", {"in_memory": True})
        patch.setattr(xlsx, "SHEET", Worksheet)
        whole = xlsx.to_xlsx(form, values, "")
    assert streamed != whole, "two ways of writing"
    assert cells_of(streamed) == cells_of(whole), form.code
