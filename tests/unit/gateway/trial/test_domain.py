from pathlib import Path

import pytest

from gateway.accounts.found_domains import finder_of
from gateway.config import Config, Discovery
from gateway.trial.domain import DOMAIN, config_for, peers_of
from mx_core.model.errors import NotOnNetwork
from tests.support.stores import Clock, memory_store

DATA = Path("/nowhere/data")
CONFIG = Config(discovery=Discovery(nameserver="192.0.2.1:53"))


def test_only_an_account_of_the_trial_is_closed_in() -> None:
    assert config_for(CONFIG, "a.example", DATA) is CONFIG
    tried = config_for(CONFIG, DOMAIN, DATA)

    assert tried.discovery == Discovery(peers=str(peers_of(DATA)), closed=True)
    assert tried.limits is CONFIG.limits


@pytest.mark.anyio
async def test_a_trial_finds_nobody_else_and_asks_no_name_server(tmp_path: Path) -> None:
    peers_of(tmp_path).parent.mkdir()
    peers_of(tmp_path).write_text("")
    clock = Clock()
    with memory_store(clock) as store:
        discovery = config_for(CONFIG, DOMAIN, tmp_path).discovery
        finder = finder_of(discovery, store.carrier_state, clock)

        with pytest.raises(
            NotOnNetwork, match=r"b\.example is not on this network, which is closed"
        ):
            await finder.find("b.example")
