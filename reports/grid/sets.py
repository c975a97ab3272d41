"""All sets of facts by name: what `facts` of a statistical form may name."""

from reports.grid.facts import VISIT_FACTS, Facts
from reports.grid.health_facts import HEALTH_FACTS
from reports.grid.ward_facts import WARD_FACTS

FACTS: dict[str, Facts] = {**VISIT_FACTS, **HEALTH_FACTS, **WARD_FACTS}
