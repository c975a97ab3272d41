"""The form on paper, by typst."""

from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from his.core.dates import vn_datetime
from his.printing.render import render_list_pdf, render_pdf
from reports.definition import Form
from reports.export.layout import Layout, layout_of, noun_of, number_text, period_text, shown

TEMPLATE = Path(__file__).with_name("table.typ")
LONG_LIST = 500
"""More rows are printed without tags for screen readers (the spreadsheet serves those better), in a process apart."""


def to_pdf(form: Form, values: Mapping[str, Any], sha256: str) -> bytes:
    """The form as PDF. The time in the file is the end of the period, so the same report gives the same bytes."""
    made = vn_datetime(date.fromisoformat(values["period"]["end"]), time())
    paper = paper_data(form, values, sha256)
    if len(values["rows"]) > LONG_LIST:
        return render_list_pdf(TEMPLATE, paper, at=made)
    return render_pdf(TEMPLATE, paper, at=made)


def paper_data(form: Form, values: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """What the template prints."""
    layout = layout_of(form, values)
    places = [form.tags.index(column.tag) for column in layout.columns]
    return {
        "facility": values["facility"],
        "paper": form["paper"],
        "number": form["number"],
        "law": form["law"],
        "title": form["title"],
        "period": period_text(values),
        "noun": noun_of(form),
        "counts_rows": form.counts_rows,
        "notes": values.get("notes", []),
        "money_note": form["money_note"],
        "columns": [{"width": c.width, "align": _align(c.print_as)} for c in layout.columns],
        "header": [{"text": c.text, "x": c.x, "y": c.y, "width": c.width, "height": c.height} for c in layout.header],
        "first_sum": layout.first_sum,
        "parts": [
            {
                "label": part.label,
                "count": len(part.positions),
                "sums": _sums(layout, part.sums if form.sums_parts else {}),
                "rows": [
                    [shown(c, values["rows"][i][at]) for c, at in zip(layout.columns, places, strict=True)]
                    for i in part.positions
                ],
            }
            for part in layout.parts
        ],
        "total_label": form["total_label"],
        "total_count": layout.total_count,
        "totals": _sums(layout, layout.totals),
        "words_label": form.get("words_label") or "",
        "words": layout.words,
        "signers": form["signers"],
        "digest": sha256[:16],
    }


def _align(print_as: str) -> str:
    return {"money": "right", "thousands": "right", "decimal": "right", "text": "left"}.get(print_as, "center")


def _sums(layout: Layout, sums: Mapping[str, Any]) -> list[str]:
    """Texts for the columns from the first sum on; empty for a column that is not summed."""
    columns = layout.columns[layout.first_sum :]
    return [number_text(column, sums[column.tag]) if column.tag in sums else "" for column in columns]
