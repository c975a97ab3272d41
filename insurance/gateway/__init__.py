"""Other systems: what they must be able to do, and stand-ins that do it without them."""
