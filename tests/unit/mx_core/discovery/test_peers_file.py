"""Static peers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mx_core.discovery.endpoint import Endpoint
from mx_core.discovery.peers_file import PeersFile, StaticPeer, parse_peers, render_peer
from mx_core.discovery.txt import key_text
from mx_core.model.errors import BadConfiguration

KEY = bytes(range(32))
PEER = StaticPeer(KEY, Endpoint("127.0.0.1", 18443))


def test_what_is_rendered_is_parsed_again() -> None:
    text = render_peer("b.example", PEER) + render_peer("c.example", PEER)

    assert parse_peers(text) == {"b.example": PEER, "c.example": PEER}
    assert parse_peers("") == {}


K = key_text(KEY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[peers", "not TOML"),
        ("other = 1", "nothing else"),
        ("peers = 3", "nothing else"),
        ('[peers]\n"b.example" = 3', "must be a table"),
        (f'[peers."b.example"]\nkey = "{K}"', "needs key and hello"),
        ('[peers."b.example"]\nkey = 3\nhello = "h:1"', "needs key and hello"),
        (f'[peers."b.example"]\nkey = "{K}"\nhello = "h"', "host:port"),
        ('[peers."b.example"]\nkey = "ed25519:x"\nhello = "h:1"', "ed25519"),
        (f'[peers."b.example"]\nkey = "{K}"\nhelo = "h:1"', "did you mean 'hello'"),
        (f'[peers."b.example"]\nkey = "{K}"\nhello = "h:1"\nzzz = 1', "'zzz' of b.example"),
        (f'[peers."B.example"]\nkey = "{K}"\nhello = "h:1"', "lower-case"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(BadConfiguration, match=says):
        parse_peers(text)


def test_the_file_is_read_again_when_it_changes_and_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "peers.toml"
    peers = PeersFile(path)
    assert peers.get("b.example") is None

    path.write_text(render_peer("b.example", PEER))
    assert peers.get("b.example") == PEER

    path.write_text(render_peer("c.example", PEER))
    os.utime(path, ns=(1, 1))  # the same size; another time
    assert peers.get("b.example") is None
    assert peers.get("c.example") == PEER

    path.unlink()
    assert peers.get("c.example") is None


def test_a_file_that_cannot_be_read_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cannot be read"):
        PeersFile(tmp_path).get("b.example")
    (tmp_path / "latin").write_bytes(b"# caf\xe9")
    with pytest.raises(BadConfiguration, match="cannot be read"):
        PeersFile(tmp_path / "latin").get("b.example")
