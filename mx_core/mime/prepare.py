"""Everything IMAP needs of a message, from its octets, once."""

from __future__ import annotations

import re
from typing import Final

from mx_core.mime import base_subject, date, envelope, imap_form, part_map
from mx_core.mime.header import Fields
from mx_core.mime.header_keys import keys_of
from mx_core.mime.imap_form import Content
from mx_core.mime.structure import Node, Scan
from mx_core.model.message import MessageForm

_MSG_ID: Final = re.compile(rb"<([^<>\r\n]{1,996})>")


def prepare(octets: bytes) -> MessageForm:
    """Return the form of any *octets*; never raises, and takes time proportional to them."""
    root = Scan(octets).root
    return form_of(octets, len(octets), root, imap_form.line_counts(octets, root))


def form_of(octets: Fields, size: int, root: Node, lines_before: dict[int, int]) -> MessageForm:
    """Return the form of a scanned message of *size*; of *octets* only headers are read.

    *lines_before*: as ``imap_form.line_counts`` has it.
    """
    contents = {id(node): imap_form.read_content(octets, node) for node in imap_form.walk(root)}
    forms = imap_form.render(octets, root, contents, lines_before)
    letter = envelope.read(octets, root.fields)
    words = {id(node): _words(node, contents[id(node)]) for node in imap_form.walk(root)}
    sent = date.parse(letter.text(b"date"))
    subject = base_subject.read(letter.text(b"subject"))
    return MessageForm(
        size=size,
        header_end=root.body_start,
        fields=root.fields,
        envelope=envelope.render(letter),
        bodystructure=forms.extended,
        body=forms.plain,
        parts=part_map.encode(part_map.from_scan(root, words)),
        sent=None if sent is None else sent.unix,
        message_id=_message_id(letter.text(b"message-id")),
        base_subject=subject.text,
        keys=keys_of(letter, sent, subject),
    )


def _message_id(value: bytes | None) -> bytes:
    found = _MSG_ID.search(value or b"")
    return b"" if found is None else found.group(1)


def _words(node: Node, content: Content) -> tuple[str, str, str]:
    """Return media type, transfer encoding and charset in lower case."""
    encoding = (content.encoding or imap_form.DEFAULT_ENCODING).lower()
    if node.message:
        return "message/rfc822", encoding.decode("latin-1"), ""
    if node.opaque:
        return "application/octet-stream", encoding.decode("latin-1"), ""
    if node.type is None:
        return "text/plain", encoding.decode("latin-1"), ""
    media_type = b"%b/%b" % (node.type.main, node.type.sub) if node.type.main else b""
    label = node.type.parameter(b"charset") or b""
    return (
        media_type.lower().decode("latin-1"),
        encoding.decode("latin-1"),
        label.lower().decode("latin-1"),
    )
