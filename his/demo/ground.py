"""The ground of the demonstration: an empty database, the two facilities, and the mark that says what is loaded.

The mark is a counter of each facility: `demo:loading` while the month is being loaded, `demo:<catalogue>` with the
number of visits once it is complete. Data that are not the demonstration's own are never touched.
"""

from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from his.accounts.actor import system_actor
from his.accounts.models import Facility
from his.core.errors import Refusal
from his.demo.places import HOSPITAL, STATION, Place, build_places
from his.service import busy_as_refusal
from patients.models import Counter

_LOADING, _MARK = "demo:loading", "demo:"
_OWN = frozenset({STATION, HOSPITAL})
_INVENTED = "99"
_PRESCRIBING_CODES = ("vd991", "vd992")
"""Invented codes of the national prescription system."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the database holds. `catalogs` is empty unless the demonstration is loaded; then it says with which."""

    is_empty: bool
    is_broken_off: bool = False
    catalogs: str = ""


def migrate() -> None:
    """Bring the tables up to date; nothing is done when they are."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def survey() -> Ground:
    """Look at the database. Refuses one that holds facilities of a real province."""
    facilities = list(Facility.objects.values_list("code", flat=True))
    if real := sorted(code for code in facilities if not code.startswith(_INVENTED)):
        raise Refusal("real_data", f"Cơ sở dữ liệu đang có cơ sở {', '.join(real)}: không nạp dữ liệu mẫu vào đây")
    if not facilities:
        return Ground(is_empty=True)
    marks: dict[str, dict[str, int]] = {}
    rows = Counter.objects.filter(series__startswith=_MARK).values_list("facility__code", "series", "last")
    for code, series, last in rows:
        marks.setdefault(code, {})[series] = last
    of_own = [marks.get(code, {}) for code in sorted(_OWN)]
    complete = [{s for s in found if s != _LOADING} for found in of_own]
    if all(complete) and complete[0] == complete[1]:
        return Ground(is_empty=False, catalogs=min(complete[0]).removeprefix(_MARK))
    return Ground(is_empty=False, is_broken_off=any(_LOADING in found for found in of_own))


def is_embedded() -> bool:
    """Whether the database is the product's own cluster, not one that DATABASE_URL names."""
    return bool(connection.settings_dict["ENGINE"] == "his.database.backend")


def clear(*, is_confirmed: bool) -> None:
    """Throw everything in the database away and make the tables anew.

    Refuses a database with facilities of a real province, and, unless confirmed, one that DATABASE_URL names.
    """
    survey()
    if not is_embedded() and not is_confirmed:
        raise Refusal("not_confirmed", "DATABASE_URL đang được đặt: muốn xóa sạch cơ sở dữ liệu đó, thêm --yes")
    with busy_as_refusal(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    ContentType.objects.clear_cache()
    migrate()


@transaction.atomic
def found() -> dict[str, Place]:
    """Found the two facilities in an empty database and mark them as being loaded."""
    places = build_places()
    for place, code in zip(places.values(), _PRESCRIBING_CODES, strict=True):
        place.facility.prescribing_code = code
        place.facility.save(update_fields=["prescribing_code"])
    for place in places.values():
        system_actor(place.facility)
        Counter.objects.create(facility=place.facility, series=_LOADING, last=1)
    return places


def mark_loaded(facility: Facility, catalogs: str, visits: int) -> None:
    """Say that the month of a facility is complete."""
    Counter.objects.create(facility=facility, series=f"{_MARK}{catalogs}", last=visits)
