"""Screens of the reports package."""
