"""Which national prescription system a facility is linked to."""

from pathlib import Path

from django.conf import settings

from patients.models import NationalLink
from patients.national.port import PrescriptionSystem
from patients.national.stand_in import StandIn


def system_of(link: NationalLink) -> PrescriptionSystem:
    """The system that the link names."""
    if link.system == NationalLink.System.STAND_IN:
        return stand_in_of(link)
    raise LookupError(link.system)


def stand_in_of(link: NationalLink) -> StandIn:
    """The stand-in of the facility, with what it took in the data folder."""
    return StandIn(Path(settings.VAR_DIR) / "prescription_stand_in" / f"{link.facility.code}.sqlite")
