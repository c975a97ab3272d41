"""Papers of the pharmacy."""
