"""Rules that no kind expresses: Python functions, one module for each subject; importing registers them."""

from insurance.rules.engine.functions import envelope

__all__ = ["envelope"]
