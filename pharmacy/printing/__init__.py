"""Papers of the dispensing window: what they say, their templates and addresses."""
