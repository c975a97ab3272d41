"""The only way to write: permission, facility isolation, one transaction and an audit entry around every service.

A service is a keyword-only function with an `actor`. Objects of another facility among its arguments are
answered as "not found". Waiting too long for a lock is answered with the refusal "busy" (docs/locking.md).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from django.db import OperationalError, connection, models, transaction
from django.utils import timezone

from his.accounts.actor import Actor
from his.accounts.models import Facility
from his.audit.models import IdempotencyKey
from his.audit.record import Entry, Statement, append_entries
from his.core.errors import NotFound, Refusal
from his.locks import short_locks

P = ParamSpec("P")
T = TypeVar("T")

_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """What a service is called and asks for; `permission` is None for steps inside another service."""

    action: str
    permission: str | None
    function: str


@dataclass(slots=True)
class _Call:
    entries: list[Entry] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


REGISTRY: dict[str, ServiceInfo] = {}
_current: ContextVar[_Call | None] = ContextVar("current_service_call", default=None)


def service(*, action: str, permission: str | None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a function a service. `permission=None` marks a step that only other services may call."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        if action in REGISTRY:
            raise RuntimeError(f"two services are called {action}")
        REGISTRY[action] = ServiceInfo(action, permission, f"{function.__module__}.{function.__qualname__}")

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if args:
                raise TypeError(f"{action} takes keyword arguments only")
            actor = cast(Actor, kwargs["actor"])
            outer = _current.get()
            if permission is not None:
                actor.require(permission)
            elif outer is None:
                raise RuntimeError(f"{action} is a step of other services")
            _same_facility(actor.facility, kwargs.values())
            return _run(function, action, actor, outer, kwargs)  # type: ignore[arg-type]

        return call

    return decorate


def audit_facts(**facts: Any) -> None:
    """Add figures to the audit entry of the running service. Codes and amounts only, no names or addresses."""
    call = _current.get()
    if call is None:
        raise RuntimeError("audit_facts outside a service")
    call.facts.update(
        {key: value if isinstance(value, int | str | bool | None) else str(value) for key, value in facts.items()}
    )


def _run(function: Callable[..., T], action: str, actor: Actor, outer: _Call | None, kwargs: dict[str, Any]) -> T:
    call = _Call()
    token = _current.set(call)
    try:
        with busy_as_refusal(), short_locks() if outer is None else transaction.atomic(savepoint=False):
            key = kwargs.get("idempotency_key") or ""
            if key and (known := _done_before(actor, action, key)) is not None:
                return cast(T, known)
            result = function(**kwargs)
            done = [_keep_result(actor, action, key, result)] if key else []
            call.entries.append(_entry(action, actor, kwargs, result, call.facts))
            if outer is None:
                append_entries(actor.facility, call.entries, at=timezone.now(), after=done)
            else:
                outer.entries.extend(call.entries)
                for statement in done:
                    _execute(*statement)
            return result
    finally:
        _current.reset(token)


def _execute(statement: str, parameters: tuple[Any, ...]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


@contextmanager
def busy_as_refusal() -> Iterator[None]:
    """Turn a lock wait that timed out, or a deadlock, into something the user can repeat."""
    try:
        yield
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) in {_LOCK_NOT_AVAILABLE, _DEADLOCK}:
            raise Refusal("busy", "Dữ liệu đang được máy khác xử lý, hãy thử lại sau vài giây") from error
        raise


def _same_facility(facility: Facility, values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, Facility):
            if value.pk != facility.pk:
                raise NotFound
        elif isinstance(value, models.Model):
            owner = getattr(value, "facility_id", facility.pk)
            if owner != facility.pk:
                raise NotFound
        elif isinstance(value, list | tuple):
            _same_facility(facility, value)


def _entry(action: str, actor: Actor, kwargs: dict[str, Any], result: Any, facts: dict[str, Any]) -> Entry:
    target = (
        result
        if isinstance(result, models.Model)
        else next((v for v in kwargs.values() if isinstance(v, models.Model)), None)
    )
    links = {f"{name}_id": value.pk for name, value in kwargs.items() if isinstance(value, models.Model)}
    return Entry(
        user_id=actor.user.pk,
        action=action,
        object_type=target._meta.label_lower if target is not None else "",
        object_id=target.pk if target is not None else None,
        facts={**links, **facts},
    )


def was_done(*, action: str, key: str, actor: Actor) -> bool:
    """Whether the action was already done with this idempotency key: the same form came twice."""
    rows = IdempotencyKey.objects.filter(facility=actor.facility, action=action, key=key, result_id__isnull=False)
    return bool(key) and rows.exists()


# Waits for another request with the same key to end; then the key is there or free again.
_TAKE_KEY = """
INSERT INTO his_idempotencykey (facility_id, action, key, result_type, at) VALUES (%s, %s, %s, '', %s)
ON CONFLICT (facility_id, action, key) DO NOTHING
"""


def _done_before(actor: Actor, action: str, key: str) -> models.Model | None:
    if _execute(_TAKE_KEY, (actor.facility.pk, action, key, timezone.now())):
        return None
    row = IdempotencyKey.objects.get(facility=actor.facility, action=action, key=key)
    if row.result_id is None:
        return None
    from django.apps import apps

    return cast(models.Model, apps.get_model(row.result_type)._default_manager.get(pk=row.result_id))


_KEEP_RESULT = """
UPDATE his_idempotencykey SET result_type = %s, result_id = %s WHERE facility_id = %s AND action = %s AND key = %s
"""


def _keep_result(actor: Actor, action: str, key: str, result: Any) -> Statement:
    """Notes the result under its key. Of a whole request it travels with the audit entries, one message less."""
    if not isinstance(result, models.Model):
        raise RuntimeError(f"{action} takes an idempotency key but does not return a stored row")
    return _KEEP_RESULT, (result._meta.label_lower, result.pk, actor.facility.pk, action, key)
