"""Which provider of invoices a facility has."""

from pathlib import Path

from django.conf import settings

from insurance.gateway.invoice_stand_in import StandIn
from insurance.gateway.invoices import InvoiceProvider
from insurance.models import InvoiceProfile


def provider_of(profile: InvoiceProfile) -> InvoiceProvider:
    """The provider that the profile names."""
    if profile.provider == InvoiceProfile.Provider.STAND_IN:
        return stand_in_of(profile)
    raise LookupError(profile.provider)


def stand_in_of(profile: InvoiceProfile) -> StandIn:
    """The stand-in of the facility, with what it issued in the data folder."""
    folder = Path(settings.VAR_DIR) / "invoice_stand_in"
    return StandIn(folder / f"{profile.facility.code}.sqlite", profile.tax_code)
