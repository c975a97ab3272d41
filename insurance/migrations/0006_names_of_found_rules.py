"""Call the findings that are stored by the ids of today's rules; their texts and keys follow when a claim is built."""

from django.db import migrations
from django.db.models import F, Value
from django.db.models.functions import Concat

AMOUNTS = ("differs", "parts_differ", "support_too_big", "outside_scope")
"""The faults of amounts; all others, `negative` too, were faults of single fields."""


def rename(apps: migrations.state.StateApps, schema_editor: object) -> None:
    """`required` becomes `structure.required`, `differs` becomes `money.differs`."""
    rows = apps.get_model("insurance", "Finding").objects.exclude(rule__contains=".")
    rows.filter(rule__in=AMOUNTS).update(rule=Concat(Value("money."), F("rule")))
    rows.exclude(rule__in=AMOUNTS).update(rule=Concat(Value("structure."), F("rule")))


class Migration(migrations.Migration):
    dependencies = [("insurance", "0005_findings_and_waivers")]

    operations = [migrations.RunPython(rename, migrations.RunPython.noop, elidable=True)]
