"""The primitives we stand on give the answers that their specifications and Wycheproof list.

The known answers written here always run.  With $MX_PUBLIC_VECTORS naming a folder that holds
``wycheproof/`` (C2SP/wycheproof, testvectors_v1), all of its cases for these primitives run too.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_scalarmult,
)
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.exceptions import RuntimeError as SodiumError
from nacl.exceptions import ValueError as SodiumValueError
from nacl.signing import SigningKey, VerifyKey

RFC_8032 = [  # RFC 8032 §7.1: seed, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
RFC_7748 = {  # RFC 7748 §6.1
    "private": "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    "public": "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    "shared": "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    "flags": ["Normal"],
}
ZERO_SHARED = {  # RFC 7748 §6.1: a point of low order gives zero, which libsodium refuses
    "private": "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    "public": "00" * 32,
    "shared": "00" * 32,
    "flags": ["ZeroSharedSecret"],
}
XCHACHA_DRAFT = {  # draft-irtf-cfrg-xchacha-03, appendix A.3.1
    "key": "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
    "iv": "404142434445464748494a4b4c4d4e4f5051525354555657",
    "aad": "50515253c0c1c2c3c4c5c6c7",
    "msg": (
        "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966"
        "204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f72207468652066757475"
        "72652c2073756e73637265656e20776f756c642062652069742e"
    ),
    "ct": (
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f"
        "4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f"
        "76b2383565d3fff921f9664c97637da9768812f615c68b13b52e"
    ),
    "tag": "c0875924c1c7987947deafd8780acf49",
    "result": "valid",
}


def public_cases(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return (group, case) of a Wycheproof file, or nothing where it is not at hand."""
    folder = os.environ.get("MX_PUBLIC_VECTORS")
    if not folder:
        return []
    document = json.loads((Path(folder) / "wycheproof" / f"{name}_test.json").read_text())
    return [(group, case) for group in document["testGroups"] for case in group["tests"]]


SIGNATURES = [
    *(
        {"pk": public_key, "msg": message, "sig": signature, "result": "valid"}
        for _, public_key, message, signature in RFC_8032
    ),
    *({**case, "pk": group["publicKey"]["pk"]} for group, case in public_cases("ed25519")),
]
AGREEMENTS = [RFC_7748, ZERO_SHARED, *(case for _, case in public_cases("x25519"))]
SEALED = [XCHACHA_DRAFT, *(case for _, case in public_cases("xchacha20_poly1305"))]


@pytest.mark.parametrize(("seed", "public_key", "message", "signature"), RFC_8032)
def test_ed25519_signs_as_its_rfc_says(
    seed: str, public_key: str, message: str, signature: str
) -> None:
    key = SigningKey(bytes.fromhex(seed))

    assert bytes(key.verify_key).hex() == public_key
    assert key.sign(bytes.fromhex(message)).signature.hex() == signature


@pytest.mark.parametrize("case", SIGNATURES)
def test_ed25519_takes_valid_signatures_and_no_others(case: dict[str, Any]) -> None:
    key = VerifyKey(bytes.fromhex(case["pk"]))
    message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])

    if case["result"] == "valid":
        assert key.verify(message, signature) == message
    else:
        with pytest.raises((BadSignatureError, SodiumValueError)):
            key.verify(message, signature)


@pytest.mark.parametrize("case", AGREEMENTS)
def test_x25519_agrees_and_refuses_a_shared_zero(case: dict[str, Any]) -> None:
    private, public = bytes.fromhex(case["private"]), bytes.fromhex(case["public"])

    if "ZeroSharedSecret" in case["flags"]:
        with pytest.raises(SodiumError):
            crypto_scalarmult(private, public)
    else:
        assert crypto_scalarmult(private, public).hex() == case["shared"]


@pytest.mark.parametrize("case", SEALED)
def test_xchacha20_poly1305_opens_what_is_whole_and_nothing_else(case: dict[str, Any]) -> None:
    key, nonce, associated = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad"))
    message, sealed = bytes.fromhex(case["msg"]), bytes.fromhex(case["ct"] + case["tag"])

    if case["result"] == "valid":
        made = crypto_aead_xchacha20poly1305_ietf_encrypt(message, associated, nonce, key)

        assert made == sealed
        assert crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, associated, nonce, key) == message
    else:
        with pytest.raises((CryptoError, SodiumValueError)):
            crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, associated, nonce, key)
