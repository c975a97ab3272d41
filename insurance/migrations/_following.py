"""What a migration does to make a table a source of claims that triggers follow (`insurance.claims.fresh.FOLLOWED`).

The triggers are written here and not with the models: the tables belong to packages that know no claims, and no
`pgtrigger.ignore` may leave a claim true that is not. They act on whole statements, so that a month of rows in one
statement costs one call, and always, also where replication switches others off.
"""

from django.db.migrations import RunSQL

_NOTE = """INSERT INTO insurance_sourcechange (visit_id, transaction_id)
        SELECT DISTINCT visit_id, pg_current_xact_id()::text::bigint FROM ({rows}) changed (visit_id)
        ON CONFLICT DO NOTHING"""
_FUNCTION = """
CREATE FUNCTION claim_source_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {inserted};
    ELSIF TG_OP = 'UPDATE' THEN
        {updated};
    ELSE
        {deleted};
    END IF;
    RETURN NULL;
END $$
"""
_EMPTIED = """
CREATE FUNCTION claim_source_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {note};
    RETURN NULL;
END $$
"""
_FIXED = """
CREATE FUNCTION claim_link_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what belongs to a visit stays with it';
END $$
"""
_EVENTS = {
    "inserted": "INSERT ON {table} REFERENCING NEW TABLE AS new_rows",
    "updated": "UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "deleted": "DELETE ON {table} REFERENCING OLD TABLE AS old_rows",
    "emptied": "TRUNCATE ON {table}",
}


def shared_functions() -> RunSQL:
    """What the triggers of all tables call."""
    every = _NOTE.format(rows="SELECT visit_id FROM insurance_claim WHERE is_current")
    return RunSQL(
        [_EMPTIED.format(note=every), _FIXED],
        ["DROP FUNCTION claim_source_emptied()", "DROP FUNCTION claim_link_is_fixed()"],
    )


def follow(table: str, visit: str) -> RunSQL:
    """Note the visit of each row of `table` that is added, changed or removed; `visit` finds its id from `source`.

    A new row whose visit is not found is refused by the database: it came before the row that it belongs to. A removed
    one may have lost its way, because what lay on it was removed before and was noted itself.
    """
    new = f"SELECT {visit} FROM new_rows source"  # noqa: S608 - all of it is text of a migration
    old = f"SELECT id FROM (SELECT {visit} FROM old_rows source) gone (id) WHERE id IS NOT NULL"  # noqa: S608
    rows = {"inserted": new, "updated": f"{new} UNION ALL {old}", "deleted": old}
    notes = {name: _NOTE.format(rows=text) for name, text in rows.items()}
    does = [_FUNCTION.format(table=table, **notes)]
    for name, event in _EVENTS.items():
        called = "claim_source_emptied" if name == "emptied" else f"claim_source_{table}"
        does += _trigger(table, f"claim_source_{name}", f"AFTER {event.format(table=table)} FOR EACH STATEMENT", called)
    undoes = [f"DROP TRIGGER claim_source_{name} ON {table}" for name in _EVENTS]
    return RunSQL(does, [*undoes, f"DROP FUNCTION claim_source_{table}()"])


def fix_link(table: str, column: str) -> RunSQL:
    """Refuse another value of the column, by which other tables find their visit.

    Else a row could be changed under one visit while an unseen transaction moves it to another.
    """
    when = f"BEFORE UPDATE OF {column} ON {table} FOR EACH ROW WHEN (OLD.{column} IS DISTINCT FROM NEW.{column})"
    does = _trigger(table, "claim_link_is_fixed", when, "claim_link_is_fixed")
    return RunSQL(does, [f"DROP TRIGGER claim_link_is_fixed ON {table}"])


def _trigger(table: str, name: str, event: str, called: str) -> list[str]:
    return [
        f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION {called}()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
    ]
