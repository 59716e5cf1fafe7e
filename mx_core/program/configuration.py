"""A TOML file becomes a frozen Struct, or one sentence that names every problem in it.

Knows no key.  An unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mx_core.model.errors import BadConfiguration

T = TypeVar("T", bound=msgspec.Struct)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tree that the file at *path* holds; raises FileNotFoundError if there is none.

    Raises:
        BadConfiguration: It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(f"{path} is not valid TOML: {error}") from error


def converted(
    tree: dict[str, Any],
    kind: type[T],
    name: str,
    wrong_values: Callable[[T], list[str]] = lambda _: [],
) -> T:
    """Return the *kind* that *tree* holds; *name* stands in sentences.

    *wrong_values* names what the types alone cannot tell.

    Raises:
        BadConfiguration: With all problems found.
    """
    problems = _unknown_keys(tree, kind, "")
    if not problems:
        try:
            config = msgspec.convert(tree, kind)
        except msgspec.ValidationError as error:
            problems = [str(error)]
        else:
            problems = wrong_values(config)
            if not problems:
                return config
    raise BadConfiguration(f"{name}: {'; '.join(problems)}")


def _unknown_keys(tree: dict[str, Any], kind: type[msgspec.Struct], above: str) -> list[str]:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    problems: list[str] = []
    for key, value in tree.items():
        inner = fields.get(key)
        if inner is None:
            near = difflib.get_close_matches(key, list(fields), n=1)
            hint = f", did you mean {above + near[0]!r}?" if near else ""
            problems.append(f"unknown key {above + key!r}{hint}")
        elif (
            isinstance(value, dict)
            and isinstance(inner, type)
            and issubclass(inner, msgspec.Struct)
        ):
            problems += _unknown_keys(value, inner, f"{above}{key}.")
    return problems
