"""Prescribing safety (an toàn kê đơn): pure checks of the drugs of one prescription against each other and the person.

No Django, no clock, no files: the facts and the lists are arguments. `insurance.rules.engine.functions.safety` asks the
checks as rules, with the severities, words and laws of the rule data.
"""
