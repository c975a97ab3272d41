"""A register on paper, by typst: A3 across, or A4 as the two facing pages of a book."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from his.core.dates import local
from his.printing.render import render_list_pdf, render_pdf
from his.printing.services import Form, facility_data
from reports.period import Period
from reports.registers.book import Book, Totals
from reports.registers.definition import OWN_LAYOUT, Column, Register
from reports.registers.sources import Line

FORM = Form("register", "Sổ", Path(__file__).with_name("register.typ"))
LONG_LIST = 200
"""More lines are printed in a process apart, which gives the memory back."""


def register_pdf(
    book: Book, lines: Sequence[Line], *, paper: str, copy_no: int, printed_by: str, part: str, at: datetime, foot: str
) -> bytes:
    """The lines of a book as PDF. `part` says which part of a longer span it is, `foot` is one more note below."""
    printed = {"copy_no": copy_no, "printed_by": printed_by, "printed_at": f"{local(at):%d/%m/%Y %H:%M}"}
    data = {**paper_data(book, lines, foot), "paper": paper, "part": part, "print": printed}
    render = render_list_pdf if len(lines) > LONG_LIST else render_pdf
    return render(FORM.template_for(book.facility), data, at=at)


def paper_data(book: Book, lines: Sequence[Line], foot: str = "") -> dict[str, Any]:
    """What the template prints."""
    register = book.register
    totals = Totals()
    for line in lines:
        totals.add(line)
    return {
        "facility": facility_data(book.facility),
        "period": Period(book.start, book.end).label(),
        "register": {
            "number": register.number,
            "title": register.title,
            "short_title": register.short_title,
            "law": register.law,
            "layout_note": OWN_LAYOUT if register.has_own_layout else "",
            "notes": [*register.notes, *([foot] if foot else [])],
            "signers": list(register.signers),
        },
        "columns": [_column(column) for column in register.columns],
        "days": list(_days(register, lines)),
        "total_label": "Tổng cộng",
        "total": totals.text(register.noun),
        "has_changes": any(line.is_changed for line in lines),
    }


def _column(column: Column) -> dict[str, Any]:
    align = {"number": "right", "yesno": "center", "date": "center", "birth": "center"}.get(column.kind, "left")
    return {
        "heading": column.heading,
        "group": column.group,
        "page": column.page,
        "width": column.width,
        "align": "center" if column.width < 7 else align,
    }


def _days(register: Register, lines: Iterable[Line]) -> Iterable[dict[str, Any]]:
    for day, found in groupby(lines, key=lambda line: line.day):
        rows, totals = [], Totals()
        for line in found:
            totals.add(line)
            rows.append(
                {
                    "number": line.number,
                    "cells": [line.cells[key] for key in register.keys],
                    "mark": "changed" if line.is_changed else "",
                    "cancelled": line.cancelled,
                }
            )
        total = f"Cộng ngày {day:%d/%m/%Y}: {totals.text(register.noun)}" if register.has_day_totals else ""
        yield {"label": f"{register.day_heading} {day:%d/%m/%Y}", "lines": rows, "total": total}
