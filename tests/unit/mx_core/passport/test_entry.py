"""Entries and their signatures as octets.  Spec/passport §2."""

from mx_core.passport.entry import Entry, SignedEntry, decode_chain, encode_chain
from tests.support.people import make_person
from tests.support.refusal import tried


def test_an_entry_survives_its_encoding() -> None:
    person = make_person()
    person.add()

    for octets in person.entries:
        signed = SignedEntry.decode(octets)

        assert signed.octets == octets
        assert signed.entry.encode() == signed.entry_octets


def test_a_kept_chain_gives_back_its_entries() -> None:
    person = make_person()
    person.rotate()

    assert [each.octets for each in decode_chain(person.chain)] == person.entries
    assert encode_chain(decode_chain(person.chain)) == person.chain


def test_a_chain_of_no_array_is_refused() -> None:
    assert tried(lambda: decode_chain(b"")) == (None, "canonical")
    assert tried(lambda: decode_chain(b"\xa0")) == (None, "format")


def test_an_entry_of_1024_octets_is_read_and_one_of_1025_is_not() -> None:
    assert tried(lambda: Entry.decode(bytes(1024)))[1] == "canonical"
    assert tried(lambda: Entry.decode(bytes(1025)))[1] == "size"
