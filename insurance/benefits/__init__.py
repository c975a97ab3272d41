"""Who pays what: the pure benefit split, its facts and its stored results."""
