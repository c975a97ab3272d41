"""The XML of a form as the insurer's gateway takes it, ready to be signed.

`[xml]` of form.toml names the elements. The list holds the rows and an Id to which the organisation's signature refers;
the place of the signature is empty. The Id follows from the content, so the same report gives the same bytes.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from lxml import etree

from insurance.standards.values import clean_text
from reports.definition import Form

_NAMESPACE = uuid.UUID("6b1f8a52-0f0e-5c1a-9d57-3f6f1d8a9c01")
"""The name space of report Ids; any fixed value does."""


def to_xml(form: Form, values: Mapping[str, Any], sha256: str) -> bytes:
    """The rows as XML, UTF-8. Amounts keep two decimals, codes their leading zeros."""
    names = form["xml"]
    root = etree.Element(names["root"])
    rows = etree.SubElement(root, names["list"], Id=f"Id-{uuid.uuid5(_NAMESPACE, f'{form.code}:{sha256}')}")
    places = [(form.columns.index(column), column.tag) for column in form.file_columns]
    for row in values["rows"]:
        item = etree.SubElement(rows, names["row"])
        for at, tag in places:
            etree.SubElement(item, tag).text = clean_text(str(row[at])) or None
    etree.SubElement(root, names["signature"])
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8", xml_declaration=False)
