"""Only a message that is encrypted as a whole is one; nothing that anybody writes raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decrypting.enclosed import Kind, enclosed, is_enveloped, kind_of
from mx_core.mime.header import split_fields
from tests.support.encrypted_mail import MORE, pgp_mime, smime

ARMOUR = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQ==\r\n=abcd\r\n-----END PGP MESSAGE-----\r\n"
DER = bytes.fromhex("308006092a864886f70d010703a080") + bytes(40)
AUTHENTIC = bytes.fromhex("3082010a060b2a864886f70d0109100117a0820100") + bytes(40)
PGP, SMIME = pgp_mime(ARMOUR), smime(DER)


def typed(content_type: bytes, body: bytes = b"") -> bytes:
    return MORE + b"Content-Type: " + content_type + b"\r\n\r\n" + body


def test_the_ciphertext_of_a_whole_message_is_found() -> None:
    assert (kind_of(PGP), enclosed(PGP)) == (Kind.OPENPGP, ARMOUR)
    assert (kind_of(SMIME), enclosed(SMIME)) == (Kind.SMIME, DER)
    authentic = smime(AUTHENTIC, kind=b"authEnveloped-data")
    assert (kind_of(authentic), enclosed(authentic)) == (Kind.SMIME, AUTHENTIC)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/x-pkcs7-mime; smime-type=enveloped-data",
        b"Application/PKCS7-MIME; name=smime.p7m",  # older programs say no more
        b"application/pkcs7-mime; smime-type=AuthEnveloped-Data",
    ],
)
def test_smime_has_older_names(content_type: bytes) -> None:
    assert kind_of(typed(content_type)) is Kind.SMIME


@pytest.mark.parametrize(
    "octets",
    [
        typed(b"text/plain", ARMOUR),  # armour in a text may have text beside it
        typed(b"multipart/mixed; boundary=b", b"--b\r\n" + PGP + b"--b--\r\n"),
        typed(b"multipart/encrypted; boundary=b"),
        typed(b"multipart/encrypted; protocol=application/x-other; boundary=b"),
        typed(b"application/pkcs7-mime; smime-type=signed-data"),
        typed(b"application/pkcs7-mime; smime-type=certs-only"),
        typed(b"multipart/signed; protocol=application/pgp-signature; boundary=b"),
        b"Content-Type: text/html\r\n" + PGP,  # two programs may read two messages
        b"\r\n" + PGP,
        b"",
    ],
)
def test_nothing_else_is_one(octets: bytes) -> None:
    assert kind_of(octets) is None
    assert enclosed(octets) is None


@pytest.mark.parametrize(
    "octets",
    [
        PGP.replace(b"--b\r\nContent-Type: application/pgp", b"--b\r\nContent-Type: text/html\r\n\r\n<img src='http://x.example/\r\n--b\r\nContent-Type: application/pgp"),
        PGP.replace(b"--b--", b"--b\r\nContent-Type: text/html\r\n\r\n'>\r\n--b--"),
        PGP.replace(b"application/octet-stream", b"text/html"),
        PGP.replace(b"\r\n\r\nVersion", b"\r\nContent-Type: text/html\r\n\r\nVersion").replace(b"Content-Type: application/pgp-encrypted\r\n", b""),
        pgp_mime(b""),
        smime(b""),
        smime(b"hello"),
        smime(DER.replace(bytes.fromhex("010703"), bytes.fromhex("010702"))),  # signed-data
    ],
)  # fmt: skip
def test_clear_text_beside_it_or_nothing_in_it_is_not_taken(octets: bytes) -> None:
    assert kind_of(octets) is not None
    assert enclosed(octets) is None


@given(
    octets=st.sampled_from([PGP, SMIME]),
    where=st.integers(0),
    octet=st.binary(min_size=1, max_size=1),
)
def test_one_wrong_octet_never_raises(octets: bytes, where: int, octet: bytes) -> None:
    at = where % len(octets)
    altered = octets[:at] + octet + octets[at + 1 :]
    found = enclosed(altered)

    assert found is None or kind_of(altered) is not None
    assert kind_of(altered) is kind_of(altered, split_fields(altered, 0, len(altered)))
    assert kind_of(altered) is not Kind.SMIME or found is None or is_enveloped(found)
