"""OpenSSL opens what S/MIME programs write; what CBC lets somebody alter shows, and is not taken."""

from pathlib import Path

import pytest

from gateway.decrypting.opener import ALTERED, NO_KEY, NOT_PROTECTED, NotOpened
from gateway.decrypting.openssl import OpenSSL, is_text
from mx_core.model.errors import Refused
from mx_core.model.secret import Secret
from tests.support.encrypted_mail import ENTITY, enveloped, smime_key

SECRET = Secret("secret")
BLOCK = 16


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return smime_key(tmp_path_factory.mktemp("smime"))


def why(key: OpenSSL, octets: bytes) -> str:
    with pytest.raises(NotOpened) as refused:
        key.open(octets)
    return str(refused.value)


@pytest.mark.parametrize(
    ("cipher", "words"),
    [
        ("des3", ()), ("aes128", ()), ("aes256", ()), ("aes-256-gcm", ()),
        ("aes256", ("-stream",)),  # lengths that are not told before, as Thunderbird writes them
        ("aes256", ("-keyid",)),
        ("aes256", ("-recip", "CERT", "-keyopt", "rsa_padding_mode:oaep")),
    ],
)  # fmt: skip
def test_every_form_of_the_field_is_opened(
    made: tuple[Path, Path], cipher: str, words: tuple[str, ...]
) -> None:
    certificate, p12 = made
    words = tuple(word.replace("CERT", str(certificate)) for word in words)

    assert OpenSSL(p12, SECRET).open(enveloped(certificate, ENTITY, cipher, *words)) == ENTITY


def test_keys_of_elliptic_curves_work_too(tmp_path: Path) -> None:
    certificate, p12 = smime_key(tmp_path, "prime256v1")

    assert OpenSSL(p12, SECRET).open(enveloped(certificate)) == ENTITY


def test_another_key_does_not_open_it(made: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, _ = smime_key(tmp_path)

    assert why(OpenSSL(made[1], SECRET), enveloped(certificate)) == NO_KEY


def test_what_is_no_key_is_refused(made: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(Refused, match="or its passphrase is another one"):
        OpenSSL(made[1], Secret("wrong"))
    with pytest.raises(Refused, match=r"is no PKCS #12 file"):
        OpenSSL(made[0], SECRET)
    with pytest.raises(Refused, match="can not be read"):
        OpenSSL(tmp_path / "nowhere", SECRET)


def test_an_altered_block_of_cbc_makes_noise_of_another_and_is_not_taken(
    made: tuple[Path, Path],
) -> None:
    text = ENTITY + b"0123456789abcdef" * 20
    whole = enveloped(made[0], text)
    key = OpenSSL(made[1], SECRET)
    for blocks in range(2, 12):  # before the last, whose change is its padding's
        at = len(whole) - blocks * BLOCK
        altered = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert why(key, altered) in {NOT_PROTECTED, ALTERED}


def test_what_somebody_puts_together_of_its_blocks_is_not_taken(made: tuple[Path, Path]) -> None:
    """The gadget of EFAIL: a known block, turned into text of one's own, beside noise."""
    text = ENTITY + b"0123456789abcdef" * 20
    whole = enveloped(made[0], text)
    body = len(text) // BLOCK * BLOCK + BLOCK
    start = len(whole) - body
    iv_and_first = whole[start - 2 - BLOCK : start + BLOCK]
    assert len(iv_and_first) == 2 * BLOCK + 2
    known, wanted = text[BLOCK : 2 * BLOCK], b"<img src='//x.e/"
    before, block = whole[start : start + BLOCK], whole[start + BLOCK : start + 2 * BLOCK]
    turned = bytes(a ^ b ^ c for a, b, c in zip(before, known, wanted, strict=True))
    spot = start + 5 * BLOCK
    gadget = whole[:spot] + turned + block + whole[spot + 2 * BLOCK :]
    assert len(gadget) == len(whole)

    assert why(OpenSSL(made[1], SECRET), gadget) == NOT_PROTECTED


def test_what_is_authentic_need_not_be_text(made: tuple[Path, Path]) -> None:
    binary = ENTITY + bytes(range(256))
    key = OpenSSL(made[1], SECRET)
    whole = enveloped(made[0], binary, "aes-256-gcm")

    assert key.open(whole) == binary
    assert why(key, enveloped(made[0], binary)) == NOT_PROTECTED
    for at in range(len(whole) - 200, len(whole), 23):
        altered = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert why(key, altered) in {ALTERED, NO_KEY}


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"", True), (b"a\tb\r\n", True), ("Grüße".encode(), True), (b"Gr\xfc\xdfe", False),
        (b"a\0b", False), (b"a\x1bb", False), (b"\xc3", False),
    ],
)  # fmt: skip
def test_text_is_utf_8_without_controls(octets: bytes, text: bool) -> None:
    assert is_text(octets) is text
