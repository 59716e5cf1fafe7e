"""ML-KEM-768 and HKDF-SHA256, of which X-Wing and HPKE are made, give Wycheproof's answers.

The known answer written here always runs; the public files where $MX_PUBLIC_VECTORS names them.
"""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.unit.mx_core.notation.test_public_vectors import public_cases

RFC_5869 = {  # RFC 5869 §A.1
    "ikm": "0b" * 22,
    "salt": "000102030405060708090a0b0c",
    "info": "f0f1f2f3f4f5f6f7f8f9",
    "size": 42,
    "okm": ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    "result": "valid",
}
KEYS = [RFC_5869, *(case for _, case in public_cases("hkdf_sha256"))]
CAPSULES = [case for _, case in public_cases("mlkem_768")]


def _derived(case: dict[str, Any]) -> str:
    salt, info, secret = (bytes.fromhex(case[name]) for name in ("salt", "info", "ikm"))
    return HKDF(hashes.SHA256(), case["size"], salt or None, info).derive(secret).hex()


@pytest.mark.parametrize("case", KEYS)
def test_hkdf_derives_what_it_should_and_never_too_much(case: dict[str, Any]) -> None:
    if case["result"] == "valid":
        assert _derived(case) == case["okm"]
    else:
        with pytest.raises(ValueError, match="derive"):
            _derived(case)


def test_ml_kem_gives_the_key_or_refuses() -> None:
    if not CAPSULES:
        pytest.skip("no public vectors: MX_PUBLIC_VECTORS is not set")
    for case in CAPSULES:
        seed, capsule = bytes.fromhex(case["seed"]), bytes.fromhex(case["c"])
        if case["result"] == "valid":
            key = MLKEM768PrivateKey.from_seed_bytes(seed)
            assert key.public_key().public_bytes_raw().hex() == case["ek"]
            assert key.decapsulate(capsule).hex() == case["K"]
        else:  # a seed or a capsule of another length
            with pytest.raises(ValueError, match="ML-KEM-768"):
                MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(capsule)
