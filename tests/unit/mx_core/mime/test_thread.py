"""A message says itself which conversation it belongs to; the answer never changes."""

from mx_core.mime.prepare import prepare
from mx_core.mime.thread import thread_of


def thread(header: bytes) -> bytes:
    octets = header + b"\r\n\r\nbody\r\n"
    return thread_of(octets, prepare(octets))


def test_replies_that_keep_references_are_one_conversation() -> None:
    first = thread(b"Message-ID: <1@a>")

    assert len(first) == 16
    assert thread(b"Message-ID: <2@b>\r\nIn-Reply-To: <1@a>\r\nReferences: <1@a>") == first
    assert thread(b"References: <1@a>\r\n <2@b>\r\nIn-Reply-To: <2@b>") == first


def test_in_reply_to_counts_where_references_is_missing() -> None:
    assert thread(b"In-Reply-To: <1@a>\r\nMessage-ID: <2@b>") == thread(b"Message-ID: <1@a>")
    assert thread(b"References: none\r\nIn-Reply-To: <1@a>") == thread(b"Message-ID: <1@a>")


def test_two_letters_are_two_conversations() -> None:
    assert thread(b"Message-ID: <1@a>") != thread(b"Message-ID: <2@a>")


def test_a_message_that_names_none_has_none() -> None:
    assert thread(b"Subject: x") == b""
    assert thread(b"Message-ID: x\r\nReferences: <\r\n >") == b""
