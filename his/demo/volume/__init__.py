"""A month of visits made quickly, for benchmarks: the same states as the services leave, written in bulk.

Every other write of the product goes through a service. This package is the one exception, and only for the two
invented facilities of province 99: it draws visits from the same data as the demonstration, computes them with the
same pure engines (doses, quantities, allocation of lots, benefit split, fingerprint of the signed exam) and copies
the rows into the tables, so that the database cannot tell them from visits that went over the screens.
"""
