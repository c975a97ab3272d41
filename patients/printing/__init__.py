"""Papers of reception and the examination room: what they say, their templates and addresses."""
