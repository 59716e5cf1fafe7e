"""BODYSTRUCTURE and BODY of a scanned message, as they are sent.  RFC 9051 §7.5.2.

Renders each part once for both forms.  Encoded words and RFC 2231 parameters stay raw.
Sizes are octets of the stored message; lines are LF octets, as Dovecot counts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from msgspec import Struct, field

from mx_core.mime import content_field, envelope, header
from mx_core.mime.content_field import Disposition, Parameters
from mx_core.mime.header import Fields
from mx_core.mime.imap_string import NIL, string, strings, unfolded
from mx_core.mime.limits import ADDRESSES_INSIDE_MAX, ADDRESSES_MAX
from mx_core.mime.structure import Node

DEFAULT_CHARSET: Final = b"us-ascii"
DEFAULT_ENCODING: Final = b"7bit"

# A multipart without parts has no form in the grammar; it is shown with one empty text.
_NO_PART: Final = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)'
_NO_PART_EXTENDED: Final = (
    b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)'
)


class Content(Struct):
    """The Content-* fields of one part; of each the first counts."""

    texts: dict[bytes, bytes] = field(default_factory=dict)
    encoding: bytes | None = None
    disposition: Disposition | None = None
    languages: tuple[bytes, ...] = ()


class Forms(Struct, frozen=True):
    """The two forms of one part."""

    extended: bytes  # BODYSTRUCTURE
    plain: bytes  # BODY


def read_content(octets: Fields, node: Node) -> Content:
    """Return the Content-* fields of *node* other than the type; none if they do not count."""
    content = Content()
    if not node.has_mime:
        return content
    for entry in node.fields:
        if not entry.name.startswith(b"content-"):
            continue
        match entry.name:
            case b"content-transfer-encoding" if content.encoding is None:
                content.encoding = content_field.transfer_encoding(header.value(octets, entry))
            case b"content-disposition" if not (
                content.disposition and content.disposition.parameters
            ):
                read = content_field.disposition(header.value(octets, entry))
                content.disposition = read or content.disposition
            case b"content-language" if not content.languages:
                content.languages = content_field.languages(header.value(octets, entry))
            case b"content-id" | b"content-description" | b"content-md5" | b"content-location":
                content.texts.setdefault(entry.name, header.value(octets, entry))
            case _:
                pass
    return content


def line_counts(octets: bytes, root: Node) -> dict[int, int]:
    """Return for each offset where a body starts or ends the number of LF before it."""
    offsets = sorted({at for node in walk(root) for at in (node.body_start, node.end)})
    counts: dict[int, int] = {}
    lines = last = 0
    for at in offsets:
        lines += octets.count(b"\n", last, at)
        counts[at] = lines
        last = at
    return counts


def walk(node: Node) -> Iterator[Node]:
    """Yield *node* and all inside it, in reading order."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(top.children))


def render(
    octets: Fields, root: Node, contents: dict[int, Content], lines_before: dict[int, int]
) -> Forms:
    """Return the forms of the whole message; *contents* holds :func:`read_content` by ``id``.

    *lines_before* is what :func:`line_counts` returns.
    """
    return _Renderer(octets, contents, lines_before).part(root)


class _Renderer:
    def __init__(
        self, octets: Fields, contents: dict[int, Content], lines_before: dict[int, int]
    ) -> None:
        self._octets = octets
        self._contents = contents
        self._lines_before = lines_before
        self._room = ADDRESSES_INSIDE_MAX

    def part(self, node: Node) -> Forms:
        content = self._contents[id(node)]
        if node.multipart:
            return self._multipart(node, content)
        return self._single(node, content)

    def _multipart(self, node: Node, content: Content) -> Forms:
        # body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
        assert node.type is not None  # noqa: S101  # a multipart has a type
        forms = [self.part(child) for child in node.children]
        extended = b"".join(form.extended for form in forms) or _NO_PART_EXTENDED
        plain = b"".join(form.plain for form in forms) or _NO_PART
        subtype = string(node.type.sub)
        return Forms(
            b"(%b %b %b %b)"
            % (extended, subtype, _parameters(node.type.parameters), _extension(content)),
            b"(%b %b)" % (plain, subtype),
        )

    def _single(self, node: Node, content: Content) -> Forms:
        # body-type-1part = (body-type-basic / body-type-msg / body-type-text)
        media, is_text = _media(node)
        parameters = node.type.parameters if node.type else ()
        if is_text and not any(key.lower() == b"charset" for key, _ in parameters):
            parameters = (*parameters, (b"charset", DEFAULT_CHARSET))
        fields = b"%b %b %b %b %b %d" % (
            media,
            _parameters(parameters),
            unfolded(content.texts.get(b"content-id")),
            unfolded(content.texts.get(b"content-description")),
            string(content.encoding or DEFAULT_ENCODING),
            node.end - node.body_start,
        )
        lines = self._lines_before[node.end] - self._lines_before[node.body_start]
        plain = extended = fields
        if is_text:
            plain = extended = b"%b %d" % (fields, lines)
        elif node.message:
            inner = node.children[0]
            read = envelope.read(self._octets, inner.fields, min(self._room, ADDRESSES_MAX))
            self._room -= read.entries()
            letter = envelope.render(read)
            forms = self.part(inner)
            extended = b"%b %b %b %d" % (fields, letter, forms.extended, lines)
            plain = b"%b %b %b %d" % (fields, letter, forms.plain, lines)
        md5 = unfolded(content.texts.get(b"content-md5"))
        return Forms(b"(%b %b %b)" % (extended, md5, _extension(content)), b"(%b)" % plain)


def _media(node: Node) -> tuple[bytes, bool]:
    if node.message:
        return b'"message" "rfc822"', False
    if node.opaque:
        return b'"application" "octet-stream"', False
    if node.type is None:
        return b'"text" "plain"', True
    return b"%b %b" % (string(node.type.main), string(node.type.sub)), node.type.is_text()


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return NIL
    return b"(%b)" % strings([*chain.from_iterable(parameters)])


def _extension(content: Content) -> bytes:
    # body-fld-dsp SP body-fld-lang SP body-fld-loc
    shown = NIL
    if content.disposition is not None:
        shown = b"(%b %b)" % (
            string(content.disposition.kind),
            _parameters(content.disposition.parameters),
        )
    languages = NIL
    if content.languages:
        languages = b"(%b)" % strings(content.languages)
    return b"%b %b %b" % (shown, languages, unfolded(content.texts.get(b"content-location")))
