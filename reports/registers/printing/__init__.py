"""Registers on paper and as spreadsheets."""
