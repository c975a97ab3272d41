"""Statements of the bank held against the transfers that the cashiers recorded (đối soát chuyển khoản, R10)."""
