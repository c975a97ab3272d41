"""A list as a spreadsheet, written row by row as the rows come: the file, and the paper as a second sheet.

Both sheets grow together in temporary files, so memory does not depend on how long the list is. Sums stand below their
part, because only then they are known; they are added up from the rows that were written.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from his.core.money import ZERO, round0
from his.core.words import amount_in_words
from his.printing.services import facility_data
from reports.definition import SUMMED, Column
from reports.export.layout import shown
from reports.export.streamed_sheet import StreamedSheet
from reports.export.xlsx import PaperSheet, file_foot, file_head, formats_of
from reports.lists.rows import Cell, ListRow, rows
from reports.lists.statement import ListPart, ListQuery

Writer = Callable[[int, Cell], object]


@dataclass(slots=True)
class Written:
    """What a file of a list holds: rows, sums in đồng by column, and why some visits could not be read."""

    rows: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def write_list(query: ListQuery, target: Path) -> Written:
    """Write the list into a file. Must run in a transaction; the rows are read as they are written.

    What is written on the way lies in a folder of its own, which is gone afterwards, also when a row cannot be read.
    """
    options = {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False}
    form, made = query.form, datetime.combine(query.period.end, time())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        book = xlsxwriter.Workbook(str(target), {**options, "tmpdir": scratch})
        book.set_properties({"title": form["title"], "subject": form["number"], "created": made})
        sheets = _Sheets(book, query)
        for row in rows(query):
            sheets.add(row)
        written = sheets.finish()
        book.close()
    return written


class _Sheets:
    """The two sheets of a list and its sums so far."""

    def __init__(self, book: xlsxwriter.Workbook, query: ListQuery) -> None:
        form = query.form
        self.form, self.formats = form, formats_of(book)
        self.file = book.add_worksheet(form["xlsx"]["sheet"], StreamedSheet)
        paper = book.add_worksheet(form["xlsx"]["printed_sheet"], StreamedSheet)
        self.paper = PaperSheet(paper, form, _paper_values(query), self.formats)
        places = {column.tag: place for place, column in enumerate(form.columns)}
        self.file_cells = self._writers(self.file, form.file_columns, places, self._file_writer)
        self.paper_cells = self._writers(paper, self.paper.layout.columns, places, self._paper_writer)
        self.paper_texts = [
            (x, places[column.tag]) for x, column in enumerate(self.paper.layout.columns) if column.print_as == "text"
        ]
        self.summed = [(column.tag, place) for place, column in enumerate(form.columns) if column.type in SUMMED]
        self.parts = query.parts()
        self.at: ListPart | None = None
        self.part = Written(sums=self._zeros())
        self.all = Written(sums=self._zeros())
        self._file_head()
        self.file_y, self.paper_y = 1, self.paper.head()

    def _zeros(self) -> dict[str, Decimal]:
        return {tag: ZERO for tag, _ in self.summed}

    def add(self, row: ListRow) -> None:
        """One row below the last one; the sums of a part that has ended go before it."""
        if row.refusal:
            self.all.left_out.append((row.claim_code, row.refusal))
            return
        part = next(part for part in self.parts if (part.origin, part.route) == row.part)
        if part != self.at:
            self._end_part()
            self.paper_y = self.paper.sums(self.paper_y, part.label, {}, "part")
            self.at = part
        self.paper.high(self.paper_y, [(x, row.cells[place]) for x, place in self.paper_texts])
        for cells, sheet_y in ((self.file_cells, self.file_y), (self.paper_cells, self.paper_y)):
            for place, write in cells:
                write(sheet_y, row.cells[place])
        self.file_y, self.paper_y = self.file_y + 1, self.paper_y + 1
        self.part.rows += 1
        for tag, place in self.summed:
            if (amount := row.cells[place]) is not None:
                self.part.sums[tag] += amount  # type: ignore[operator]  # of a summed column

    def _end_part(self) -> None:
        if self.at is None:
            return
        label = self.paper.counted(f"Cộng {self.at.label}", self.part.rows)
        self.paper_y = self.paper.sums(self.paper_y, label, self._known(self.part.sums), "part")
        self.all.rows += self.part.rows
        self.all.sums = {tag: amount + self.part.sums[tag] for tag, amount in self.all.sums.items()}
        self.part = Written(sums=self._zeros())

    def finish(self) -> Written:
        """Sums, words and signers below the last row."""
        self._end_part()
        label = self.paper.counted(self.form["total_label"], self.all.rows)
        y = self.paper.sums(self.paper_y, label, self._known(self.all.sums), "total")
        self.paper.foot(y, amount_in_words(round0(self.all.sums[self.form["words_column"]])))
        file_foot(self.file, self.form, self.file_y - 1)
        return self.all

    def _known(self, sums: dict[str, Decimal]) -> dict[str, Decimal]:
        """Without the columns of which the product knows nothing: their sums stay empty, like their cells."""
        unknown = {column.tag for column in self.form.columns if column.source == "none"}
        return {tag: amount for tag, amount in sums.items() if tag not in unknown}

    def _file_head(self) -> None:
        file_head(self.file, self.form, self.formats)
        self.file.freeze_panes(1, 3)

    def _writers(
        self, sheet: Worksheet, columns: Sequence[Column], places: dict[str, int], make: Callable[..., Writer]
    ) -> list[tuple[int, Writer]]:
        return [(places[column.tag], make(sheet, x, column)) for x, column in enumerate(columns)]

    def _file_writer(self, sheet: Worksheet, x: int, column: Column) -> Writer:
        number, text = sheet.write_number, sheet.write_string
        if column.type == "money":
            look = self.formats["money2"]
            return lambda y, value: value is not None and number(y, x, value, look)
        if column.type == "int":
            return lambda y, value: value is not None and number(y, x, value)
        return lambda y, value: value and text(y, x, value)  # a text stays one, with its zeros, without a look too

    def _paper_writer(self, sheet: Worksheet, x: int, column: Column) -> Writer:
        number, text, blank = sheet.write_number, sheet.write_string, sheet.write_blank
        if column.type in ("money", "int"):
            look = self.formats["cell_money" if column.type == "money" else "cell_int"]
            return lambda y, value: blank(y, x, None, look) if value is None else number(y, x, value, look)
        look = self.formats["cell_left" if column.print_as == "text" else "cell_center"]
        if column.print_as in ("day", "birth", "sex"):
            return lambda y, value: text(y, x, shown(column, str(value)), look) if value else blank(y, x, None, look)
        return lambda y, value: text(y, x, value, look) if value else blank(y, x, None, look)


def _paper_values(query: ListQuery) -> dict[str, Any]:
    """What the paper says above and below the rows."""
    return {
        "facility": facility_data(query.facility),
        "period": {"label": query.period.label()},
        "notes": query.form["notes"],
        "rows": [],
        "sections": [],
        "titles": [],
    }
