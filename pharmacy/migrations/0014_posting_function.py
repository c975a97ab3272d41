"""Posting a document is a function of the database, whose plans a session keeps; a long statement is planned each time.

Balances are changed in the order (store, lot), then comes the number, then the rows (docs/locking.md). A balance that
has too little is locked and named in `short` by store, lot and what was asked; then nothing is changed and there is no
document.
"""

from django.db import migrations

MAKE = """
CREATE FUNCTION pharmacy_post(
    of_facility bigint, of_series text, of_prefix text, of_kind text, of_store bigint, of_target_store bigint,
    of_reverses bigint, of_origin bigint, of_reference text, of_supplier text, of_reason text, of_at timestamptz,
    of_user bigint, of_lots bigint[], of_quantities numeric[], of_kinds text[], of_stores bigint[], of_signs int[],
    OUT document_id bigint, OUT document_number text, OUT short numeric[]
) LANGUAGE plpgsql AS $$
DECLARE
    change record;
    changed_stores bigint[];
    changed_lots bigint[];
    changed_by numeric[];
    last_number bigint;
BEGIN
    FOR change IN
        SELECT e.store_id, l.lot_id, sum(e.sign * l.quantity) AS quantity
        FROM unnest(of_lots, of_quantities) AS l (lot_id, quantity)
            CROSS JOIN unnest(of_stores, of_signs) AS e (store_id, sign)
        GROUP BY e.store_id, l.lot_id ORDER BY e.store_id, l.lot_id
    LOOP
        UPDATE pharmacy_lotbalance b SET on_hand = b.on_hand + change.quantity
        WHERE b.store_id = change.store_id AND b.lot_id = change.lot_id
            AND (change.quantity >= 0 OR b.on_hand - b.reserved + change.quantity >= 0);
        IF NOT FOUND AND change.quantity >= 0 THEN
            INSERT INTO pharmacy_lotbalance AS b (facility_id, store_id, lot_id, on_hand, reserved)
            VALUES (of_facility, change.store_id, change.lot_id, change.quantity, 0)
            ON CONFLICT (store_id, lot_id) DO UPDATE SET on_hand = b.on_hand + excluded.on_hand;
        ELSIF NOT FOUND THEN
            -- What is left is told to the user, so it must stay; and somebody may just have brought some back.
            PERFORM FROM pharmacy_lotbalance b
            WHERE b.store_id = change.store_id AND b.lot_id = change.lot_id FOR NO KEY UPDATE;
            UPDATE pharmacy_lotbalance b SET on_hand = b.on_hand + change.quantity
            WHERE b.store_id = change.store_id AND b.lot_id = change.lot_id
                AND b.on_hand - b.reserved + change.quantity >= 0;
            IF NOT FOUND THEN
                short := short || ARRAY[[change.store_id, change.lot_id, -change.quantity]];
                CONTINUE;
            END IF;
        END IF;
        changed_stores := changed_stores || change.store_id;
        changed_lots := changed_lots || change.lot_id;
        changed_by := changed_by || change.quantity;
    END LOOP;
    IF short IS NOT NULL THEN
        UPDATE pharmacy_lotbalance b SET on_hand = b.on_hand - d.quantity
        FROM unnest(changed_stores, changed_lots, changed_by) AS d (store_id, lot_id, quantity)
        WHERE b.store_id = d.store_id AND b.lot_id = d.lot_id;
        RETURN;
    END IF;
    INSERT INTO patients_counter AS c (facility_id, series, last) VALUES (of_facility, of_series, 1)
    ON CONFLICT (facility_id, series) DO UPDATE SET last = c.last + 1
    RETURNING c.last INTO last_number;
    document_number := of_prefix || lpad(last_number::text, greatest(6, length(last_number::text)), '0');
    INSERT INTO pharmacy_stockdocument (facility_id, kind, number, store_id, target_store_id, reverses_id, origin_id,
        reference, supplier, reason, posted_at, posted_by_id)
    VALUES (of_facility, of_kind, document_number, of_store, of_target_store, of_reverses, of_origin, of_reference,
        of_supplier, of_reason, of_at, of_user)
    RETURNING id INTO document_id;
    WITH stored AS (
        INSERT INTO pharmacy_stockdocumentline (facility_id, document_id, position, lot_id, quantity)
        SELECT of_facility, pharmacy_post.document_id, l.place, l.lot_id, l.quantity
        FROM unnest(of_lots, of_quantities) WITH ORDINALITY AS l (lot_id, quantity, place) ORDER BY l.place
        RETURNING id, lot_id, quantity
    )
    INSERT INTO pharmacy_stockmovement (facility_id, line_id, kind, store_id, lot_id, quantity, at)
    SELECT of_facility, s.id, e.kind, e.store_id, s.lot_id, e.sign * s.quantity, of_at
    FROM stored s CROSS JOIN unnest(of_kinds, of_stores, of_signs) AS e (kind, store_id, sign) ORDER BY s.id, e.kind;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("pharmacy", "0013_lot_holds"), ("patients", "0001_people_visits_clinical")]

    operations = [migrations.RunSQL(MAKE, "DROP FUNCTION pharmacy_post")]
