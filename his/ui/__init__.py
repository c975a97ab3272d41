"""Screens: base templates, components, the stylesheet, the script and the keyboard map."""
