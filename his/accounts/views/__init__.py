"""The administrator's desk: accounts, staff, places, the facility, its lists, and the audit list."""
