"""X-Wing by HPKE does what its texts and its public vectors say."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from mx_core.notation.xwing import (
    OVERHEAD_OCTETS,
    PUBLIC_OCTETS,
    UnusableKeyError,
    XWingSecret,
    check_public,
    seal_to,
)
from tests.support import page_xwing

SEED = bytes(range(32))
INFO = b"for this"


def test_what_is_sealed_opens_with_the_secret_and_the_same_info_only() -> None:
    secret = XWingSecret(SEED)
    sealed = seal_to(secret.public, b"plain", INFO)

    assert len(secret.public) == PUBLIC_OCTETS
    assert len(sealed) == 5 + OVERHEAD_OCTETS
    assert secret.opened(sealed, INFO) == b"plain"
    assert secret.opened(sealed, b"for that") is None
    assert XWingSecret(bytes(32)).opened(sealed, INFO) is None
    assert secret.opened(sealed[:-1], INFO) is None
    assert secret.opened(b"", INFO) is None


@pytest.mark.parametrize("at", [0, 1087, 1088, 1119, 1120, 1140])
def test_an_altered_octet_anywhere_is_noticed(at: int) -> None:
    secret = XWingSecret(SEED)
    sealed = bytearray(seal_to(secret.public, b"plain", INFO))
    sealed[at] ^= 1

    assert secret.opened(bytes(sealed), INFO) is None


def test_the_steps_written_down_in_the_texts_open_it_too() -> None:
    sealed = seal_to(XWingSecret(SEED).public, b"plain", INFO)

    assert page_xwing.public_of(SEED) == XWingSecret(SEED).public
    assert page_xwing.open_sealed(SEED, sealed, INFO) == b"plain"


@pytest.mark.parametrize(
    "public",
    [
        b"",
        XWingSecret(SEED).public[:-1],
        XWingSecret(SEED).public[:-32] + bytes(32),
        b"\xff" * 1184 + XWingSecret(SEED).public[-32:],
    ],
    ids=["empty", "short", "x25519-of-small-order", "mlkem-not-reduced"],
)
def test_a_key_that_is_none_is_refused(public: bytes) -> None:
    with pytest.raises(UnusableKeyError):
        check_public(public)
    with pytest.raises(UnusableKeyError):
        seal_to(public, b"plain", INFO)


def test_a_secret_does_not_print_itself() -> None:
    assert SEED.hex() not in repr(XWingSecret(SEED))


def of_x_wing(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [vector for vector in told if vector["kem_id"] == 0x647A]


def is_ours(vector: dict[str, Any]) -> bool:
    """Tell whether a vector is of HKDF-SHA256 and ChaCha20-Poly1305."""
    return (vector["kdf_id"], vector["aead_id"]) == (1, 3)


def test_the_public_vectors_of_hpke_with_x_wing_hold() -> None:
    """hpkewg/hpke-pq: keys, shared secret, key schedule and messages of our very combination."""
    folder = os.environ.get("MX_PUBLIC_VECTORS")
    if not folder:
        pytest.skip("no public vectors: MX_PUBLIC_VECTORS is not set")
    told: list[dict[str, Any]] = json.loads(
        (Path(folder) / "hpke-pq" / "test-vectors.json").read_text()
    )
    for vector in of_x_wing(told):
        seed, enc, info = (bytes.fromhex(vector[name]) for name in ("skRm", "enc", "info"))
        secret = page_xwing.shared_secret(seed, enc)

        assert XWingSecret(seed).public.hex() == vector["pkRm"]
        assert secret.hex() == vector["shared_secret"]
        if not is_ours(vector):
            continue  # another key schedule after the same KEM
        key, nonce = page_xwing.key_and_nonce(secret, info)
        assert (key.hex(), nonce.hex()) == (vector["key"], vector["base_nonce"])
        for sent in vector["encryptions"]:
            opened = ChaCha20Poly1305(key).decrypt(
                *(bytes.fromhex(sent[name]) for name in ("nonce", "ct", "aad"))
            )
            assert opened.hex() == sent["pt"]
