"""What a facility declares about its invoices: seller, symbol, provider."""

from datetime import date, datetime, timedelta

from his.accounts.actor import Actor
from his.core.errors import Refusal
from his.core.text import nfc
from his.locks import lock_name
from his.service import audit_facts, service
from insurance.billing.invoices import wording
from insurance.billing.invoices.codes import SYMBOL, is_tax_code
from insurance.models import Invoice, InvoiceProfile

FORM_NOS = {"1": "1 - Hóa đơn giá trị gia tăng", "2": "2 - Hóa đơn bán hàng"}


@service(action="billing.declare_invoices", permission="billing.settings")
def declare_invoices(
    *,
    seller_name: str,
    seller_address: str,
    tax_code: str,
    form_no: str,
    symbol: str,
    vat_code: str,
    provider: str,
    since: date,
    actor: Actor,
    at: datetime,
) -> InvoiceProfile:
    """Declare as whom and under which symbol invoices are issued from a day on (khai báo hóa đơn điện tử).

    The declaration before ends the day before. Refuses a symbol that TT 91/2026 does not know or of another year than
    the day, a tax code that is none, and a day that is not after the first day of the last declaration.
    """
    texts = {"seller_name": nfc(seller_name), "seller_address": nfc(seller_address)}
    for name, value in texts.items():
        if not value:
            raise Refusal("missing", "Hãy điền ô này", field=name)
    symbol = symbol.strip().upper()
    _check(symbol, tax_code, form_no, vat_code, provider, since)
    lock_name("invoices", actor.facility.pk)
    latest: InvoiceProfile | None = InvoiceProfile.objects.for_facility(actor.facility).order_by("-valid_from").first()
    if latest is not None:
        if since <= latest.valid_from:
            text = f"Đã có khai báo từ {latest.valid_from:%d/%m/%Y}; ngày mới phải sau ngày đó"
            raise Refusal("profile_period", text, field="since")
        if Invoice.objects.filter(profile=latest, day__gte=since).exists():
            raise Refusal("profile_used", "Đã có hóa đơn từ ngày này theo khai báo cũ", field="since")
        if latest.valid_to is None or latest.valid_to >= since:
            latest.valid_to = since - timedelta(days=1)
            latest.save(update_fields=["valid_to"])
    made = InvoiceProfile.objects.create(
        facility=actor.facility,
        tax_code=tax_code,
        form_no=form_no,
        symbol=symbol,
        vat_code=vat_code,
        provider=provider,
        valid_from=since,
        **texts,
    )
    audit_facts(symbol=symbol, provider=provider, since=since)
    return made


def _check(symbol: str, tax_code: str, form_no: str, vat_code: str, provider: str, since: date) -> None:
    if not SYMBOL.match(symbol) or symbol[3] not in wording.symbol_types():
        text = "Ký hiệu có 6 ký tự: C hoặc K, hai số của năm, chữ loại hóa đơn, hai chữ tự chọn; ví dụ C26TYY"
        raise Refusal("symbol", text, field="symbol")
    if symbol[1:3] != f"{since:%y}":
        raise Refusal("symbol_year", f"Ký hiệu phải là của năm {since:%Y}", field="symbol")
    if not is_tax_code(tax_code) or len(tax_code) == 12:
        raise Refusal("tax_code", "Mã số thuế có 10 số, hoặc thêm gạch nối và 3 số", field="tax_code")
    if form_no not in FORM_NOS:
        raise Refusal("form_no", "Mẫu số là 1 hoặc 2", field="form_no")
    if vat_code not in wording.vat_names() or wording.vat_rate(vat_code) not in {"", "0"}:
        raise Refusal("vat_code", "Dịch vụ khám bệnh, chữa bệnh không chịu thuế", field="vat_code")
    if provider not in InvoiceProfile.Provider.values:
        raise Refusal("provider", "Hãy chọn nhà cung cấp", field="provider")
