"""Lists of every visit of a month, read from the database as they are written: never frozen, never whole in memory."""
