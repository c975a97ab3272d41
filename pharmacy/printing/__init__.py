"""Papers of the pharmacy: of stores, the window and stock-takes: what they say, their templates and addresses."""
