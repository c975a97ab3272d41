"""A blocked lot that no quarantine holds was blocked by a person.

A quarantine that ended, by "use on" or because what was to be destroyed is gone, holds nothing: a lot that is blocked
after it was blocked for another cause, such as a recall. In doubt a person did it, so that no decision about
temperature frees it.
"""

from django.db import migrations

FILL = """
UPDATE pharmacy_lot l SET is_blocked_by_hand = true
WHERE l.is_blocked
  AND NOT EXISTS (
    SELECT FROM pharmacy_quarantinedlot q
    JOIN pharmacy_climatereading r ON r.id = q.reading_id
    JOIN pharmacy_climatepoint p ON p.id = r.point_id
    WHERE q.lot_id = l.id AND q.blocked_here
      AND (q.decision = '' OR q.decision = 'destroy' AND EXISTS (
        SELECT FROM pharmacy_lotbalance b WHERE b.lot_id = l.id AND b.store_id = p.store_id AND b.on_hand > 0))
  )
"""


class Migration(migrations.Migration):
    dependencies = [("pharmacy", "0011_lot_blocked_by_hand")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
