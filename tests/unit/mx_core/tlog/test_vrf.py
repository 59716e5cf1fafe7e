"""RFC 9381 Appendix B.3, and that nothing altered verifies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.tlog import vrf

EXAMPLES = [  # RFC 9381 Appendix B.3, examples 16 to 18: seed, alpha, pi, beta
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        (
            "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f"
            "26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12"
            "68a1b0db10836d9826a528ca76567805"
        ),
        (
            "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
            "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "72",
        (
            "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593"
            "3bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926d"
            "a3ef39226bbc355bdc9850112c8f4b02"
        ),
        (
            "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb"
            "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "af82",
        (
            "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80"
            "96bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a"
            "2d41b00b05081ed0f58ee5e31b3a970e"
        ),
        (
            "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45"
            "2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f"
        ),
    ),
]
SEED = bytes(range(32))
PUBLIC = bytes(SigningKey(SEED).verify_key)


@pytest.mark.parametrize(("seed", "alpha", "proof", "output"), EXAMPLES)
def test_the_examples_of_the_rfc_are_reproduced(
    seed: str, alpha: str, proof: str, output: str
) -> None:
    proved = vrf.prove(bytes.fromhex(seed), bytes.fromhex(alpha))
    public = bytes(SigningKey(bytes.fromhex(seed)).verify_key)

    assert proved.proof.hex() == proof
    assert proved.output.hex() == output
    assert vrf.verify(public, bytes.fromhex(alpha), proved.proof) == proved.output


@settings(max_examples=40)
@given(at=st.integers(0, vrf.PROOF_OCTETS - 1), bit=st.integers(0, 7))
def test_a_proof_with_one_bit_altered_is_refused(at: int, bit: int) -> None:
    proof = bytearray(vrf.prove(SEED, b"alice").proof)
    proof[at] ^= 1 << bit

    with pytest.raises(Untrusted) as refused:
        vrf.verify(PUBLIC, b"alice", bytes(proof))
    assert refused.value.failure == "vrf"


def test_a_proof_holds_for_its_name_and_key_only() -> None:
    proof = vrf.prove(SEED, b"alice").proof

    with pytest.raises(Untrusted):
        vrf.verify(PUBLIC, b"bob", proof)
    with pytest.raises(Untrusted):
        vrf.verify(bytes(SigningKey(bytes(32)).verify_key), b"alice", proof)


@pytest.mark.parametrize("length", [0, 79, 81])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(Untrusted):
        vrf.verify(PUBLIC, b"alice", bytes(length))


def test_a_response_that_is_not_reduced_is_refused() -> None:
    """Else one proof would have many spellings."""
    proof = vrf.prove(SEED, b"alice").proof
    response = int.from_bytes(proof[48:], "little") + vrf._Q
    twin = proof[:48] + response.to_bytes(32, "little")

    with pytest.raises(Untrusted):
        vrf.verify(PUBLIC, b"alice", twin)


@pytest.mark.parametrize("point", ["01" + "00" * 31, "ec" + "ff" * 30 + "7f", "00" * 32])
def test_a_key_or_gamma_of_small_order_is_refused(point: str) -> None:
    proof = vrf.prove(SEED, b"alice").proof

    with pytest.raises(Untrusted):
        vrf.verify(bytes.fromhex(point), b"alice", proof)
    with pytest.raises(Untrusted):
        vrf.verify(PUBLIC, b"alice", bytes.fromhex(point) + proof[32:])


def test_a_key_that_is_no_seed_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="32 octets"):
        vrf.prove(b"short", b"alice")
