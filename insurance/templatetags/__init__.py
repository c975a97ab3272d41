"""Words of the rules for the templates."""
