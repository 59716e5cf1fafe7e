"""One tree of errors in four families; each has one sentence for a person."""

import inspect

import pytest

from mx_core.model import errors
from mx_core.model.errors import Corrupt, MailError, Refused, Unavailable, Untrusted

FAMILIES = (Refused, Unavailable, Untrusted, Corrupt)
ALL = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MailError)
]


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind is not MailError])
def test_each_error_is_of_exactly_one_family_and_documented(kind: type[MailError]) -> None:
    assert sum(issubclass(kind, family) for family in FAMILIES) == 1
    assert kind.__doc__


def test_an_untrusted_carries_its_class_and_a_sentence_in_any_case() -> None:
    assert Untrusted("canonical").failure == "canonical"
    assert str(Untrusted("canonical")) == "refused: canonical"
    assert str(Untrusted("canonical", "not CBOR")) == "not CBOR"
