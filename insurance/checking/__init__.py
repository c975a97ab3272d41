"""Checking uploaded claim files: a temporary store for each user, and the process that does the work."""
