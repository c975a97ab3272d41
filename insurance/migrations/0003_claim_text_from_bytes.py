"""Fill the texts of stored claims from their bytes. Their file is written again in the form of today (`<X></X>`)."""

import gzip
import hashlib
from collections.abc import Callable
from datetime import datetime

from django.db import migrations

from insurance.standards import Layout, Template, load, parse_envelope, render_table

CHUNK = 200


def fill(apps: migrations.state.StateApps, schema_editor: object) -> None:
    """Give every claim its body, layout and day; what it was built from stays unknown, so it is built again."""
    claims, layouts = apps.get_model("insurance", "Claim"), apps.get_model("insurance", "ClaimLayout")
    known: dict[str, tuple[Template, int]] = {}
    ids = list(claims.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        rows = list(claims.objects.filter(pk__in=ids[start : start + CHUNK]).select_related("facility"))
        for claim in rows:
            if claim.standard not in known:
                known[claim.standard] = _known(claim.standard, layouts.objects.create)
            template, claim.layout_id = known[claim.standard]
            _fill(claim, template)
        claims.objects.bulk_update(rows, ["layout", "made_on", "body", "sha256"])


def _known(name: str, create: Callable[..., object]) -> tuple[Template, int]:
    layout = Layout.of(load(name))
    row = create(digest=layout.digest, standard=name, content=layout.as_json())
    return Template(layout), row.pk  # type: ignore[attr-defined]


def _fill(claim: object, template: Template) -> None:
    (read,) = parse_envelope(load(claim.standard), gzip.decompress(bytes(claim.content)))  # type: ignore[attr-defined]
    standard = load(claim.standard)  # type: ignore[attr-defined]
    documents = {name: render_table(standard, name, found).decode() for name, found in read.tables.items()}
    body = template.layout.join(documents)
    made_on = datetime.strptime(read.made_on, "%Y%m%d").date()
    content = template.file(claim.facility.code, made_on, body.encode())  # type: ignore[attr-defined]
    claim.body, claim.made_on, claim.sha256 = body, made_on, hashlib.sha256(content).hexdigest()  # type: ignore[attr-defined]


class Migration(migrations.Migration):
    dependencies = [("insurance", "0002_claim_text")]

    operations = [migrations.RunPython(fill, elidable=True)]
