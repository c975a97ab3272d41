"""Screens of the facility's catalogues."""
