"""The places that hold stock."""

from collections.abc import Collection

from his.accounts.actor import Actor
from his.accounts.models import Department
from his.catalogs.models import Storage
from his.core.errors import Refusal
from his.core.text import nfc
from his.service import audit_facts, service
from pharmacy.models import Store


@service(action="pharmacy.create_store", permission="pharmacy.receive")
def create_store(*, code: str, name: str, kind: str, actor: Actor, department: Department | None = None) -> Store:
    """Open a store (kho, tủ trực) at the actor's facility. A ward cabinet belongs to a department.

    Refuses an empty or known code, an unknown kind, and a cabinet without its department.
    """
    code, name = nfc(code), nfc(name)
    if not code or len(code) > 20:
        raise Refusal("bad_code", "Mã kho có từ 1 đến 20 ký tự", field="code")
    if not name or len(name) > 100:
        raise Refusal("bad_name", "Tên kho có từ 1 đến 100 ký tự", field="name")
    if kind not in Store.Kind.values:
        raise Refusal("bad_kind", "Loại kho không có trong danh sách", field="kind")
    if kind == Store.Kind.CABINET and department is None:
        raise Refusal("no_department", "Hãy chọn khoa của tủ trực", field="department")
    if Store.objects.for_facility(actor.facility).filter(code=code).exists():
        raise Refusal("already_exists", f"Đã có kho mang mã {code}", field="code")
    audit_facts(code=code, kind=str(kind))
    return Store.objects.create(facility=actor.facility, code=code, name=name, kind=kind, department=department)


@service(action="pharmacy.set_storage", permission="pharmacy.receive")
def set_storage(*, store: Store, keeps: Collection[str] | None, actor: Actor) -> Store:
    """Say which conditions besides room temperature a store can keep (tủ mát, tủ lạnh, tủ đông); None: not known.

    Afterwards drugs that need another condition neither go in nor are handed out from there. Refuses an unknown
    condition.
    """
    if keeps is not None and not set(keeps) <= set(Storage.values):
        raise Refusal("bad_storage", "Điều kiện bảo quản không có trong danh sách", field="keeps")
    locked: Store = Store.objects.for_facility(actor.facility).select_for_update(no_key=True).get(pk=store.pk)
    locked.keeps = None if keeps is None else sorted(keeps)
    locked.save(update_fields=["keeps"])
    audit_facts(code=locked.code, keeps=None if keeps is None else ";".join(locked.keeps or []))
    return locked
