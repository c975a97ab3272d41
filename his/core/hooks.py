"""Typed hooks: a lower layer names what it needs, one higher layer fills it in `AppConfig.ready()`.

At most five in the product; each is listed in docs/ARCHITECTURE.md with its one implementer.
"""

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Hook(Generic[P, T]):
    """A place for one function. Calling it before it is filled is a defect."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._function: Callable[P, T] | None = None

    def fill(self, function: Callable[P, T]) -> None:
        """Set the one implementer. Filling twice with another function is a defect."""
        if self._function is not None and self._function is not function:
            raise RuntimeError(f"hook {self.name} already has an implementer")
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        if self._function is None:
            raise RuntimeError(f"hook {self.name} has no implementer")
        return self._function(*args, **kwargs)
