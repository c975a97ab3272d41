"""Papers of the stores: what they say, their template and addresses."""
