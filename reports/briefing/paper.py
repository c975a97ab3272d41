"""A briefing as its paper prints it."""

from itertools import groupby
from typing import Any

from his.core.dates import local
from reports.briefing.metrics import METRICS, window
from reports.briefing.models import Briefing
from reports.briefing.queries import Sheet


def paper_data(briefing: Briefing | None, sheet: Sheet) -> dict[str, Any]:
    """What the template prints: figures with a star where they were written by hand."""
    start, end = window(sheet.day)
    locked = briefing.locked_at if briefing else None
    return {
        "day": f"{sheet.day:%d/%m/%Y}",
        "span": f"từ {start:%H:%M} ngày {start:%d/%m/%Y} đến {end:%H:%M} ngày {end:%d/%m/%Y}",
        "state": f"Đã chốt lúc {local(locked):%H:%M %d/%m/%Y}, {briefing.locked_by.display_name}"
        if briefing and locked and briefing.locked_by
        else "BẢN NHÁP, chưa chốt",
        "groups": [{"title": title, "span": len(list(rows))} for title, rows in groupby(METRICS, lambda m: m.group)],
        "headings": [metric.heading for metric in METRICS],
        "rows": [
            {"name": row.name, "cells": [_text(cell.value, cell.written is not None) for cell in row.values()]}
            for row in sheet.rows
        ],
        "totals": [_text(total) for total in sheet.totals()],
        "notes": [*sheet.notes(), *sheet.gaps()],
        "transfers": sheet.transfers,
    }


def _text(value: int | None, is_written: bool = False) -> str:
    return "" if value is None else f"{value}{'*' if is_written else ''}"
