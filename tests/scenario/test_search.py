"""A mail program searches texts through a running gateway, whatever its index is doing."""

import imaplib
import json

import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from tests.support.clients import imap, wait_until

pytestmark = pytest.mark.fleet

MAIL = "Subject: searched\r\n\r\nDas Wort heißt Größenwahn, nicht Größe.\r\n".encode()
TERMS = {"ßenwahn": 1, "WORT HEI": 1, "grösse": 0, "searched": 1, "absent": 0}


def found(client: imaplib.IMAP4, term: str) -> int:
    client.literal = term.encode()  # type: ignore[assignment]  # octets, whatever its stub says
    _, [numbers] = client.search("UTF-8", "SUBJECT searched TEXT")
    return len(numbers.split())


def test_texts_are_found_before_while_and_after_an_index_is_made_anew(world: World) -> None:
    alice = world.alice
    with imap(alice.known) as client:
        client.append("Archive", None, None, MAIL)
        client.select("Archive")
        before = {term: found(client, term) for term in TERMS}
        answer = run(
            ["gateway", "--home", str(alice.gateway_dir), "account", "reindex", alice.address]
        )
        while_made = {term: found(client, term) for term in TERMS}
        wait_until(lambda: "text_index_made_anew" in alice.gateway.log.read_text())
        after = {term: found(client, term) for term in TERMS}

    told = ["gateway", "--home", str(alice.gateway_dir), "status", "--json"]
    wait_until(lambda: not json.loads(run(told))["accounts"][0]["search_index"]["waiting"])
    assert json.loads(run(told))["accounts"][0]["search_index"]["faults"] == 0
    assert "being made anew" in answer
    assert before == while_made == after == TERMS
