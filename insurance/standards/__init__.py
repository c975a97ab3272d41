"""The claim data standard as data, and the one pure engine that reads it.

The ministry's decrees (QĐ 130/QĐ-BYT and its amendments) live in `insurance/data/standards`; this package
loads them, writes and checks the tables, reads anybody's file and compares two decrees. No Django, no
clock, no network: dates and paths are arguments.
"""
