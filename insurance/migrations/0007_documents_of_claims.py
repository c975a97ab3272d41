"""Keep claims as the documents of their tables: what was kept as texts of fields becomes what those texts were written as."""

from typing import Any

from django.db import migrations

CHUNK = 200
FIELD, ROW, TABLE = "\x1f", "\x1e", "\x1d"


def write_documents(apps: migrations.state.StateApps, schema_editor: object) -> None:
    """Every body with texts becomes one with documents; the bytes of its file stay what they were."""
    claims = apps.get_model("insurance", "Claim").objects
    ids = list(claims.filter(body__contains=ROW).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        rows = list(claims.filter(pk__in=ids[start : start + CHUNK]).select_related("layout"))
        for claim in rows:
            claim.body = _documents(claim.layout.content, claim.body)
        claims.bulk_update(rows, ["body"])


def _documents(layout: dict[str, Any], body: str) -> str:
    blocks = zip(layout["tables"], body.split(TABLE), strict=True)
    return TABLE.join(_document(layout, table, block) for table, block in blocks)


def _document(layout: dict[str, Any], table: dict[str, Any], block: str) -> str:
    if not block:
        return ""
    opening, closing = (f"<{table['row']}>", f"</{table['row']}>") if table["row"] else ("", "")
    rows = []
    for row in block.split(ROW)[:-1]:
        pairs = zip(table["tags"], row.split(FIELD), strict=True)
        rows.append(opening + "".join(f"<{tag}>{_escaped(text)}</{tag}>" for tag, text in pairs) + closing)
    head = f'<?xml version="1.0" encoding="{layout["encoding"]}"?>' if layout["declaration"] else ""
    inside = f"<{table['list']}>{''.join(rows)}</{table['list']}>" if table["list"] else "".join(rows)
    name = layout["envelope"]["signature"]
    signature = f"<{name}></{name}>" if table["signed"] else ""
    return f"{head}<{table['root']}>{inside}{signature}</{table['root']}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Migration(migrations.Migration):
    dependencies = [("insurance", "0006_names_of_found_rules")]

    operations = [migrations.RunPython(write_documents, migrations.RunPython.noop, elidable=True)]
