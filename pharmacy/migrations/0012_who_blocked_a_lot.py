"""A lot that no quarantine blocked was blocked by a person."""

from django.db import migrations

FILL = """
UPDATE pharmacy_lot l SET is_blocked_by_hand = true
WHERE l.is_blocked
  AND NOT EXISTS (SELECT FROM pharmacy_quarantinedlot q WHERE q.lot_id = l.id AND q.blocked_here)
"""


class Migration(migrations.Migration):
    dependencies = [("pharmacy", "0011_lot_blocked_by_hand")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
