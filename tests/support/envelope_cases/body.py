"""Bodies refused under envelopes that open: altered under way, or signed by a liar."""

from dataclasses import replace
from typing import Any

from mx_core.envelope.format import BODY_HEAD_OCTETS, CHUNK_OCTETS, hash_of_body
from mx_core.envelope.seal import SealedBody
from mx_core.model.octets import whole
from tests.support.envelope_cases.case import Case, flip_first
from tests.support.forged_envelope import (
    TAG_FINAL,
    TAG_MESSAGE,
    TAG_PUSH,
    TAG_REKEY,
    forged_body,
    forged_envelope,
    well_cut,
)
from tests.support.octets import Octets, Splice, flipped, spliced

SEALED_CHUNK = CHUNK_OCTETS + 17


def body_cases() -> list[Case]:
    """Return bodies that a reader must refuse, under envelopes that open."""
    cases: list[Case] = []

    def add(name: str, says: str, outcome: str, envelope: bytes, body: Octets) -> None:
        cases.append(Case(name, says, outcome, Octets(envelope), body))

    def lie(name: str, says: str, outcome: str, base: SealedBody, *splices: Splice) -> None:
        """Let the sender sign what the splices made."""
        octets = Octets(whole(base.octets), splices)
        lying = replace(base, octets=octets.value, hash=hash_of_body(octets.value))
        add(name, says, outcome, forged_envelope(lying, seed=name.encode()), octets)

    def forge(name: str, says: str, outcome: str, **edits: Any) -> None:
        body = forged_body(seed=name.encode(), **edits)
        add(
            name,
            says,
            outcome,
            forged_envelope(body, seed=name.encode()),
            Octets(whole(body.octets)),
        )

    # ── altered under way
    short = forged_body()
    short_octets = whole(short.octets)
    envelope = forged_envelope(short)
    other = forged_body(b"another text", seed=b"other")
    add(
        "swapped",
        "a body under another key",
        "body-commitment",
        envelope,
        Octets(whole(other.octets)),
    )
    add("empty", "no octets", "magic", envelope, Octets(b""))
    add("magic-flipped", "first octet", "magic", envelope, flipped(short_octets, 0))
    add(
        "head-cut",
        "ends inside the head",
        "size",
        envelope,
        spliced(short_octets, Splice(91, len(short.octets))),
    )
    add(
        "salt-flipped",
        "no longer the committed key",
        "body-commitment",
        envelope,
        flipped(short_octets, 4),
    )
    add(
        "commitment-flipped",
        "not the signed one",
        "body-commitment",
        envelope,
        flipped(short_octets, 36),
    )
    add("header-flipped", "of the stream", "body-hash", envelope, flipped(short_octets, 68))
    add("chunk-flipped", "one bit of text", "body-hash", envelope, flipped(short_octets, 500))
    add(
        "tag-flipped",
        "of the last chunk's authenticator",
        "body-hash",
        envelope,
        flipped(short_octets, -1),
    )
    add(
        "cut",
        "one octet fewer",
        "body-hash",
        envelope,
        spliced(short_octets, Splice(len(short.octets) - 1, 1)),
    )
    add(
        "appended",
        "one octet more",
        "body-hash",
        envelope,
        spliced(short_octets, Splice(len(short.octets), insert=b"\0")),
    )
    long = forged_body(b"0123456789abcdef" * 8191 + b"x" * 15, seed=b"two full chunks")
    long_octets = whole(long.octets)
    envelope = forged_envelope(long, seed=b"two full chunks")
    first, second = BODY_HEAD_OCTETS, BODY_HEAD_OCTETS + SEALED_CHUNK
    end = second + SEALED_CHUNK
    swap = (
        Splice(first, SEALED_CHUNK, copy=(second, end)),
        Splice(second, SEALED_CHUNK, copy=(first, second)),
    )
    add("reordered", "two chunks change places", "body-hash", envelope, Octets(long_octets, swap))
    add(
        "truncated",
        "without its last chunk",
        "body-hash",
        envelope,
        spliced(long_octets, Splice(second, SEALED_CHUNK)),
    )
    # ── signed so by a sender that lies
    forge(
        "commitment-of-another-key",
        "committed and signed, but not to the key sent",
        "body-commitment",
        commit=flip_first,
    )
    lie("lie-reordered", "signed with two chunks changed", "chunk", long, *swap)
    lie(
        "lie-doubled",
        "signed with the first chunk twice",
        "chunk",
        long,
        Splice(second, copy=(first, second)),
    )
    lie(
        "lie-truncated",
        "signed without the final chunk",
        "truncated",
        long,
        Splice(second, SEALED_CHUNK),
    )
    lie(
        "lie-trailing",
        "signed with an octet after a full final chunk",
        "trailing",
        long,
        Splice(end, insert=b"\0"),
    )
    lie(
        "lie-trailing-chunk",
        "signed with a chunk after the final one",
        "trailing",
        long,
        Splice(end, copy=(first, second)),
    )
    lie(
        "lie-appended",
        "signed with an octet after a short final chunk",
        "chunk",
        short,
        Splice(len(short.octets), insert=b"\0"),
    )
    lie(
        "lie-flipped",
        "signed with a bit altered",
        "chunk",
        short,
        Splice(500, 1, bytes([short_octets[500] ^ 1])),
    )
    lie(
        "lie-header",
        "signed with another stream header",
        "chunk",
        short,
        Splice(68, 1, bytes([short_octets[68] ^ 1])),
    )
    lie(
        "lie-head-alone",
        "signed without any chunk",
        "truncated",
        short,
        Splice(92, len(short.octets)),
    )
    lie(
        "lie-chunk-of-17",
        "signed with a chunk too short to hold anything",
        "chunk",
        short,
        Splice(92 + 17, len(short.octets)),
    )
    lie(
        "lie-chunk-of-5",
        "signed with less than a chunk's overhead",
        "chunk",
        short,
        Splice(92 + 5, len(short.octets)),
    )
    forge(
        "not-final",
        "the last chunk is no final one",
        "truncated",
        cut=lambda padded: [(padded, TAG_MESSAGE)],
    )
    forge("tag-push", "a final chunk tagged PUSH", "chunk", cut=lambda padded: [(padded, TAG_PUSH)])
    forge(
        "tag-rekey", "a final chunk tagged REKEY", "chunk", cut=lambda padded: [(padded, TAG_REKEY)]
    )
    forge(
        "small-chunks", "chunks of 1,024 octets", "chunk", cut=lambda padded: well_cut(padded, 1024)
    )
    forge(
        "empty-final",
        "everything, then an empty final chunk",
        "chunk",
        cut=lambda padded: [(padded, TAG_MESSAGE), (b"", TAG_FINAL)],
    )
    forge(
        "pad-no-mark",
        "zeros alone follow",
        "padding",
        pad=lambda message: message.ljust(2048, b"\0"),
    )
    forge(
        "pad-not-zero",
        "something hidden behind the mark",
        "padding",
        pad=lambda message: (message + b"\x80").ljust(2047, b"\0") + b"x",
    )
    forge(
        "pad-tight", "no Padmé: the length shows", "padding", pad=lambda message: message + b"\x80"
    )
    forge(
        "pad-wide",
        "more than Padmé",
        "padding",
        pad=lambda message: (message + b"\x80").ljust(4096, b"\0"),
    )
    forge(
        "pad-none",
        "zeros only, for an empty message",
        "padding",
        message=b"",
        pad=lambda _: bytes(2048),
    )
    forge("length-short", "S.9 one less", "length", length=lambda length: length - 1)
    forge("length-long", "S.9 one more", "length", length=lambda length: length + 1)
    forge("text-hash", "S.10 of another message", "text-hash", text_hash=flip_first)
    return cases
