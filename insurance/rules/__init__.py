"""Checking claims: one rule engine for the desks, for building, and for files from anybody's system."""
