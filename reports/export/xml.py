"""The XML of a form as the insurer's gateway takes it, ready to be signed.

`[xml]` of form.toml names the elements. A list has an Id to which the organisation's signature refers; the place of the
signature is empty. With `group_by` the rows of one value of that column are a record of their own (09/BH): fixed texts,
what all rows say alike (`head`), and its rows by lists; then each record has an Id. A list without rows is left out,
and so is a row whose `known` column is empty, for the portal takes no unknown state. Ids follow from the content: the
same report gives the same bytes. `TAG=COLUMN` names an element otherwise than its column.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lxml import etree

from insurance.standards.values import clean_text
from reports.definition import Form
from reports.table import Cell

_NAMESPACE = uuid.UUID("6b1f8a52-0f0e-5c1a-9d57-3f6f1d8a9c01")
"""The name space of report Ids; any fixed value does."""
NUMBER, FACILITY = "#", "@facility"
"""The number of a row in its list; the code of the facility."""


def to_xml(form: Form, values: Mapping[str, Any], sha256: str) -> bytes:
    """The rows as XML, UTF-8. Amounts keep two decimals, codes their leading zeros."""
    names = form["xml"]
    root = etree.Element(names["root"])
    if "group_by" in names:
        _records(root, form, values, sha256)
    else:
        rows = etree.SubElement(root, names["list"], Id=_id(form, sha256))
        _rows(rows, form, names["row"], [column.tag for column in form.file_columns], values["rows"])
    etree.SubElement(root, names["signature"])
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def _id(form: Form, content: str) -> str:
    return f"Id-{uuid.uuid5(_NAMESPACE, f'{form.code}:{content}')}"


def _records(root: etree._Element, form: Form, values: Mapping[str, Any], sha256: str) -> None:
    """One record for each value of the grouping column, in the order of the rows."""
    names = form["xml"]
    at, known = form.tags.index(names["group_by"]), form.tags.index(names["known"])
    groups: dict[Cell, list[Sequence[Cell]]] = {}
    for row in values["rows"]:
        if row[known] != "":
            groups.setdefault(row[at], []).append(row)
    for key, rows in groups.items():
        record = etree.SubElement(root, names["record"], Id=_id(form, f"{sha256}:{key}"))
        for element, texts in names["fixed"].items():
            part = etree.SubElement(record, element)
            for tag, text in texts.items():
                etree.SubElement(part, tag).text = (values["facility"]["code"] if text == FACILITY else text) or None
        _rows(record, form, names["head"]["element"], names["head"]["columns"], rows[:1])
        inside = etree.SubElement(record, names["inside"])
        for spec in names["lists"]:
            place = form.tags.index(spec["column"])
            if chosen := [row for row in rows if row[place] in spec["values"]]:
                _rows(etree.SubElement(inside, spec["element"]), form, spec["row"], spec["columns"], chosen)


def _rows(above: etree._Element, form: Form, name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    pairs = [(tag, source or tag) for tag, _, source in (column.partition("=") for column in columns)]
    places = [(tag, -1 if source == NUMBER else form.tags.index(source)) for tag, source in pairs]
    for number, row in enumerate(rows, 1):
        item = etree.SubElement(above, name)
        for tag, at in places:
            etree.SubElement(item, tag).text = clean_text(str(number if at < 0 else row[at])) or None
