import json
from collections.abc import Iterator

import pytest
import structlog

from mx_core.program.log_settings import Log
from mx_core.program.logs import configure, places


@pytest.fixture(autouse=True)
def default_log_afterwards() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _break(text: str) -> None:
    raise ValueError(text)


def test_the_places_of_a_bug_hold_no_value() -> None:
    with pytest.raises(ValueError, match="a subject") as caught:
        _break("a subject")

    found = places(caught.value)

    assert found[-1].startswith("test_logs.py:")
    assert "subject" not in "".join(found)


def test_events_below_the_level_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="warning", format="json"))
    log = structlog.get_logger()

    log.info("quiet_thing")
    log.warning("loud_thing", octets=3)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["octets"]) for line in lines] == [("loud_thing", 3)]
