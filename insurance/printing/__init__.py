"""Papers of the cashier: what they say, their templates and addresses."""
