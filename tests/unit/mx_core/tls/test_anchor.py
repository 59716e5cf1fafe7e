"""The synthesised anchor, judged by OpenSSL; gRPC's stack judges it in the federation tests."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from mx_core.model.errors import Untrusted
from mx_core.tls.anchor import anchor_pem
from mx_core.tls.leaf import Leaf, make_leaf
from tests.support.certificates import crooked_leaf, key_of, pk_of, unconstrained_root

NOW = time.time()


def handshake(root: bytes, leaf: Leaf, name: str, folder: Path) -> None:
    """Play both sides of a TLS handshake in memory; raises ssl.SSLError when the client refuses."""
    (folder / "leaf.pem").write_bytes(leaf.cert_pem + leaf.key_pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "leaf.pem")
    calling = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    calling.load_verify_locations(cadata=root.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = calling.wrap_bio(to_client, to_server, server_hostname=name)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        done = True
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                done = False
        if done:
            return
    raise AssertionError("no end of the handshake")


def test_the_right_leaf_verifies(tmp_path: Path) -> None:
    anchor = anchor_pem("a.test", pk_of("a.test"), NOW)

    handshake(anchor, make_leaf("a.test", key_of("a.test"), NOW), "a.test", tmp_path)


def test_during_a_key_change_both_anchors_stand_side_by_side_under_one_name(tmp_path: Path) -> None:
    bundle = b"".join(anchor_pem("a.test", pk_of(key), NOW) for key in ("a.test", "new.test"))

    for signer in ("a.test", "new.test"):
        handshake(bundle, make_leaf("a.test", key_of(signer), NOW), "a.test", tmp_path)


def test_a_very_long_domain_verifies_too(tmp_path: Path) -> None:
    domain = ".".join(["x" * 60] * 4)
    anchor = anchor_pem(domain, pk_of("a.test"), NOW)

    handshake(anchor, make_leaf(domain, key_of("a.test"), NOW), domain, tmp_path)


CROOKED: dict[str, tuple[Callable[[], Leaf], str]] = {
    "another domain": (lambda: crooked_leaf("a.test", ["c.test"], NOW), "c.test"),
    "another domain beside its own": (
        lambda: crooked_leaf("a.test", ["a.test", "c.test"], NOW),
        "a.test",
    ),
    "another key": (lambda: crooked_leaf("x.test", ["a.test"], NOW, issuer="a.test"), "a.test"),
    "expired": (lambda: crooked_leaf("a.test", ["a.test"], NOW - 8 * 86_400), "a.test"),
}


@pytest.mark.parametrize("case", CROOKED)
def test_a_crooked_leaf_does_not_verify(case: str, tmp_path: Path) -> None:
    make, name = CROOKED[case]
    anchor = anchor_pem("a.test", pk_of("a.test"), NOW)

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(anchor, make(), name, tmp_path)


def test_under_a_root_without_the_constraint_the_cross_domain_leaf_would_verify(
    tmp_path: Path,
) -> None:
    """Why the anchor is made here: with the peer's own root the attack succeeds."""
    leaf = crooked_leaf("a.test", ["c.test"], NOW)

    handshake(unconstrained_root("a.test", NOW), leaf, "c.test", tmp_path)


def test_the_constraint_is_critical_and_names_the_domain_alone() -> None:
    anchor = x509.load_pem_x509_certificate(anchor_pem("a.test", pk_of("a.test"), NOW))
    constraint = anchor.extensions.get_extension_for_class(x509.NameConstraints)

    assert constraint.critical
    assert constraint.value.permitted_subtrees == [x509.DNSName("a.test")]


@pytest.mark.parametrize("key", [b"", b"short", b"k" * 33])
def test_what_is_no_key_makes_no_anchor(key: bytes) -> None:
    with pytest.raises(Untrusted) as refused:
        anchor_pem("a.test", key, NOW)

    assert refused.value.failure == "domain-key"
