"""A secret never prints itself, whatever prints it."""

import json
import logging
import traceback
from collections.abc import Callable

import pytest

from mx_core.model.secret import Secret

WORD = "correct horse battery staple"


def test_only_reveal_gives_it_out() -> None:
    assert Secret(WORD).reveal() == WORD


@pytest.mark.parametrize("form", [repr, str, "{}".format, "{!r}".format, "{0!s}".format, ascii])
def test_no_way_of_printing_shows_it(form: Callable[[object], str]) -> None:
    assert WORD not in form(Secret(WORD))
    assert WORD not in form([Secret(WORD), {"key": Secret(WORD)}])


def test_a_log_line_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("secret %s %r", Secret(WORD), Secret(WORD))

    assert WORD not in caplog.text


def test_a_traceback_does_not_show_it() -> None:
    with pytest.raises(ValueError, match="Secret") as caught:
        raise ValueError(Secret(WORD))

    assert WORD not in "".join(traceback.format_exception(caught.value))


def test_it_does_not_become_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"key": Secret(WORD)})


def test_two_secrets_do_not_compare_by_value() -> None:
    """Comparing secrets is done in constant time, by whoever reveals them."""
    assert Secret(WORD) != Secret(WORD)


def test_it_has_no_dict_that_could_be_dumped() -> None:
    assert not hasattr(Secret(WORD), "__dict__")
