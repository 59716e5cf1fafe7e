"""The list of failure classes is closed, and the page has all of it."""

import re
from pathlib import Path

from mx_core.envelope.failure import EnvelopeFailure, refuse
from mx_core.model.errors import Untrusted

PAGE = Path(__file__).parents[4] / "docs" / "spec" / "envelope.md"


def test_the_page_lists_exactly_the_classes_that_the_code_raises() -> None:
    section = PAGE.read_text().partition("## 8.")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)

    assert listed == [str(failure) for failure in EnvelopeFailure]


def test_a_refusal_carries_its_class_and_its_sentence() -> None:
    error = refuse(EnvelopeFailure.MAGIC, "these octets are no envelope")

    assert isinstance(error, Untrusted)
    assert error.failure == "magic"
    assert str(error) == "these octets are no envelope"
