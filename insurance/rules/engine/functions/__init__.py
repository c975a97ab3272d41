"""Rules that no kind expresses: Python functions, one module for each subject; importing registers them."""
