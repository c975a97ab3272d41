"""The administrator's writes: facilities and tiers, places, staff, accounts; one module for each."""
