"""A mypy plugin: what dataclasses does for a dataclass is refused for a msgspec Struct (ADR 0039).

Mypy takes a Struct for a dataclass, so that ``dataclasses.replace`` of one passes its check and
fails at run time.  ``msgspec.structs`` has the same functions for them.
"""

from collections.abc import Callable
from typing import Final

from mypy.plugin import FunctionContext, Plugin
from mypy.types import Instance, Type, TypeVarType, UnionType, get_proper_type

_REFUSED: Final = {f"dataclasses.{name}" for name in ("asdict", "astuple", "fields", "replace")}
_STRUCT: Final = "msgspec.Struct"


def _refuse_structs(call: FunctionContext) -> Type:
    """Say an error where the first argument of *call* is a Struct."""
    for given in call.arg_types[0] if call.arg_types else []:
        for kind in _instances(given):
            if kind.type.has_base(_STRUCT):
                call.api.fail(
                    f"{kind.type.name} is a msgspec Struct: use msgspec.structs", call.context
                )
    return call.default_return_type


def _instances(given: Type) -> list[Instance]:
    """Return what a value of type *given* may be an instance of."""
    kind = get_proper_type(given)
    if isinstance(kind, UnionType):
        return [each for item in kind.items for each in _instances(item)]
    if isinstance(kind, TypeVarType):
        return _instances(kind.upper_bound)
    return [kind] if isinstance(kind, Instance) else []


class StructCalls(Plugin):
    """Looks at each call of the functions that are for dataclasses alone."""

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return _refuse_structs if fullname in _REFUSED else None


def plugin(_version: str) -> type[Plugin]:
    """Return what mypy loads."""
    return StructCalls
