"""A value that never prints itself."""

from __future__ import annotations

from typing import Generic, TypeVar, final

from typing_extensions import override

T = TypeVar("T")


@final
class Secret(Generic[T]):
    """Wrap a key or password; only :meth:`reveal` gives it out, so ``grep reveal`` lists each use."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the value."""
        return self._value

    @override
    def __repr__(self) -> str:
        return "Secret(…)"
