"""Several facilities under one contract in one form (TT 12/2026/TT-BTC Đ9 k4): parts A, B, C, each with its sections.

It is a view of stored reports and is stored nowhere itself: each facility files and signs its own run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from his.core.errors import Refusal
from reports.definition import Form, load_version
from reports.export import EXPORTERS
from reports.models import ReportRun
from reports.table import UNPLACED, fingerprint

LETTERS = "ABCDEFGHIKLMNOPQRSTUVXY"


def export_merged(runs: Sequence[ReportRun], kind: str) -> bytes:
    """One file of the runs of one form and period; rows are numbered anew from 1. The letterhead is the first one's.

    Refuses runs of different forms, versions or periods, and a form without sections of its own.
    """
    form, values = merged(runs)
    return EXPORTERS[kind][0](form, values, fingerprint(dict(values)))


def merged(runs: Sequence[ReportRun]) -> tuple[Form, Mapping[str, Any]]:
    """The form and the table of several runs."""
    first = runs[0]
    if any((run.form, run.values["definition"], run.values["period"]) != _same(first) for run in runs):
        raise Refusal("not_the_same", "Chỉ gộp được các biểu cùng mẫu, cùng kỳ", field="form")
    form = load_version(first.form, first.values["definition"])
    if not form.sections or len(runs) > len(LETTERS):
        raise Refusal("not_merged", f"{form['number']} không lập gộp nhiều cơ sở", field="form")
    number = form.tags.index(form["number_column"])
    titles: list[list[str]] = []
    rows: list[list[Any]] = []
    sections: list[str] = []
    for letter, run in zip(LETTERS, runs, strict=False):
        site, values = run.values["facility"]["name"], run.values
        order = form.section_order()
        if UNPLACED in values["sections"]:
            order = {**order, UNPLACED: "Chưa xếp được vào phần nào"}
        titles += [[f"{letter}.{key}", f"{letter}. {site} - {key}. {title}"] for key, title in order.items()]
        for row, section in zip(values["rows"], values["sections"], strict=True):
            rows.append([*row[:number], len(rows) + 1, *row[number + 1 :]])
            sections.append(f"{letter}.{section}")
    refs = [ref for run in runs for ref in run.values["refs"]]
    own = {"rows": rows, "sections": sections, "titles": titles, "refs": refs}
    total = {**form.settings, "total_label": f"Tổng cộng ({'+'.join(LETTERS[: len(runs)])})"}
    return replace(form, sections=(), settings=total), {**first.values, **own}


def _same(run: ReportRun) -> tuple[Any, ...]:
    return run.form, run.values["definition"], run.values["period"]
