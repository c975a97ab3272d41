"""What may be wrong with the drugs of a prescription: with each other, with what is at home, with who prescribes.

None depends on the order of the lines but for the line that a finding stands in: of two lines it is the later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, product

from patients import dosing
from pharmacy.safety.facts import UNCHECKED, Allergy, AtHome, Check, Drug, Found, Prescribing
from pharmacy.safety.lists import Interaction, Level, Lists, is_meant


def interactions(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """Two drugs, or a drug and one still at home, stand together in the list of interactions. Of several rows about two
    ingredients the one that names them counts before one that names their groups; of two drugs the worst."""
    drugs = [drug for drug in case.drugs if drug.is_systemic]
    for first, second in combinations(sorted(drugs, key=lambda drug: drug.number), 2):
        if (row := _worst_between(lists, first.keys, second.keys)) is not None:
            words = {"other": first.name, "where": f"dòng {first.number}"}
            yield _interaction(second, row, _pair(first.code, second.code), words)
    for drug, home in product(drugs, case.at_home):
        if not home.is_systemic or home.code in {other.code for other in drugs}:
            continue
        if (row := _worst_between(lists, drug.keys, home.keys)) is not None:
            words = {"other": home.name, "where": "thuốc còn ở nhà"}
            yield _interaction(drug, row, f"{drug.code}|home:{home.code}", words)


def _interaction(drug: Drug, row: Interaction, about: str, words: dict[str, str]) -> Found:
    words |= {"drug": drug.name, "effect": row.effect, "management": row.management}
    return Found(drug.number, about, row.level, words, row.source)


def _worst_between(lists: Lists, mine: Iterable[str], theirs: Iterable[str]) -> Interaction | None:
    rows = [row for a, b in product(mine, theirs) if a != b and (row := _between(lists, a, b)) is not None]
    return min(rows, key=lambda row: (row.level.rank, row.a, row.b), default=None)


def _between(lists: Lists, a: str, b: str) -> Interaction | None:
    pairs = {tuple(sorted(pair)) for pair in product(lists.items_of(a), lists.items_of(b))}
    rows = [row for pair in pairs if (row := lists.interactions.get((pair[0], pair[1]))) is not None]
    return min(rows, key=lambda row: (_groups_in(row), row.level.rank, row.a, row.b), default=None)


def _groups_in(row: Interaction) -> int:
    return row.a.startswith("@") + row.b.startswith("@")


def _pair(one: str, other: str) -> str:
    return "|".join(sorted((one, other)))


def allergies(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A drug has an ingredient, or is of a group, to which the person is allergic, or one that reacts across.

    Only a severe reaction that was recorded as such refuses a drug; a free text or a mild one asks for a reason.
    """
    for drug, allergy in product(case.drugs, case.person.allergies):
        found = min(_reacting(drug, allergy, lists), key=lambda one: Level(one[0]).rank, default=None)
        if found is None:
            continue
        level, effect, source = found
        if level == Level.BLOCK and (allergy.is_text or not allergy.is_severe):
            level = Level.REASON
        words = {"drug": drug.name, "allergen": lists.title(allergy.item), "effect": effect}
        words["reaction"] = f" ({allergy.reaction})" if allergy.reaction else ""
        yield Found(drug.number, f"{drug.code}|{allergy.item}", level, words, source)


def _reacting(drug: Drug, allergy: Allergy, lists: Lists) -> Iterator[tuple[Level, str, str]]:
    items, same = lists.items_of_all(drug.keys), lists.items_of(allergy.item)
    if allergy.item in items:
        yield Level.BLOCK, "cùng nhóm đã dị ứng" if allergy.item.startswith("@") else "đúng chất đã dị ứng", ""
    for row in lists.allergies:
        if row.to[0] in same and is_meant(row.item, items):
            yield row.level, row.effect, row.source


def duplicates(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """Two lines have an ingredient in common and bring it to the same place: into the body, or by the same route."""
    for first, second in combinations(sorted(case.drugs, key=lambda drug: drug.number), 2):
        if shared := _shared(first, second):
            words = {"drug": second.name, "other": first.name, "where": f"dòng {first.number}"}
            words["ingredient"] = lists.title(shared)
            yield Found(second.number, _pair(first.code, second.code), Level.REASON, words)


def _shared(drug: Drug, other: Drug | AtHome) -> str:
    if not (drug.is_systemic and other.is_systemic) and drug.route != other.route:
        return ""
    return min(set(drug.keys) & set(other.keys), default="")


def still_at_home(spare: int) -> Check:
    """The person still has an ingredient of the line at home for more than `spare` days, from an earlier one."""

    def check(case: Prescribing, lists: Lists) -> Iterator[Found]:
        for drug in case.drugs:
            left = [home for home in case.at_home if home.days_left > spare and _shared(drug, home)]
            if not left:
                continue
            most = max(left, key=lambda home: (home.days_left, home.code))
            words = {
                "drug": drug.name,
                "other": most.name,
                "ingredient": lists.title(_shared(drug, most)),
                "left": str(most.days_left),
                "until": f"{most.until:%d/%m/%Y}",
                "how": "đã cấp" if most.is_dispensed else "đã kê",
            }
            yield Found(drug.number, f"{drug.code}|home", Level.REASON, words)

    return check


def unread(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A line, or a drug still at home, has no ingredient that can be read: nothing was checked of it, which is no
    finding that it is fine."""
    for drug in case.drugs:
        if not drug.keys:
            yield Found(drug.number, drug.code, UNCHECKED, {"drug": drug.name, "where": f"dòng {drug.number}"})
    lines = {drug.code for drug in case.drugs}
    for home in case.at_home:
        if not home.keys and home.code not in lines:
            first = min(drug.number for drug in case.drugs)
            yield Found(first, f"home:{home.code}", UNCHECKED, {"drug": home.name, "where": "thuốc còn ở nhà"})


def days(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A line is for more days than the main diagnosis and the control class of the drug allow (TT 26/2025/TT-BYT)."""
    person = case.person
    usual = dosing.DAYS_MAX_LONG if person.is_long_disease else dosing.DAYS_MAX
    for drug in case.drugs:
        most = dosing.days_allowed_of(drug.control, person.main, usual)
        if drug.days > most:
            words = {"drug": drug.name, "days": str(drug.days), "most": str(most)}
            yield Found(drug.number, f"{drug.code}|{most}", Level.BLOCK, words)


def scope(case: Prescribing, lists: Lists) -> Iterator[Found]:
    """A drug under special control is prescribed by somebody whom the head has not authorised (TT 20/2017/TT-BYT)."""
    for drug in case.drugs:
        if drug.control in dosing.AUTHORISED_ONLY and not case.prescriber.controlled:
            yield Found(drug.number, drug.code, Level.BLOCK, {"drug": drug.name})
