"""The commands of every state: CAPABILITY, NOOP, CHECK, ID, ENABLE, NAMESPACE, LOGOUT."""

from __future__ import annotations

from imap_out.session.answers.out import Out
from imap_out.session.state import capability
from imap_out.session.state.refusals import Refusal
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Capability, Check, Compress, Enable, Id, Logout, Namespace, Noop
from mx_core.model.mailbox_name import DELIMITER


async def capabilities(session: Session, _command: Capability, out: Out) -> Completed:
    """RFC 9051 §6.1.1."""
    out.put(b"* CAPABILITY %b\r\n" % session.capabilities())
    return Completed(b"that is all of it")


async def noop(_session: Session, _command: Noop | Check, _out: Out) -> Completed:
    """RFC 9051 §6.1.2; CHECK has nothing to do, for what was answered OK is durable."""
    return Completed(b"done")


async def id_(session: Session, command: Id, out: Out) -> Completed:
    """RFC 2971 §3.1.  The version is nobody's business before a login, so it is never told.

    What is hidden from this program is told at once: it may have read the longer list already.
    """
    before = session.hidden
    session.client = command.name.decode("utf-8", "replace")
    session.trail.is_called(session.client)
    out.put(b'* ID ("name" "mx-gateway")\r\n')
    if session.hidden == before:
        return Completed(b"pleased to meet you")
    return Completed(b"pleased to meet you", b"CAPABILITY " + session.capabilities())


async def enable(session: Session, command: Enable, out: Out) -> Completed:
    """RFC 5161 §3.1: what is not known, or hidden from this client, is ignored.

    mutt sends ``ENABLE UTF8=ACCEPT`` whenever ENABLE is offered; without ENABLED it is told no.
    """
    known = capability.CAN_BE_ENABLED - session.hidden
    new = [word for word in dict.fromkeys(command.extensions) if word in known]
    session.enabled.update(new)
    told = [b"IMAP4rev2" if word == capability.IMAP4REV2 else word for word in new]
    out.put(b"".join((b"* ENABLED", *(b" " + word for word in told), b"\r\n")))
    if capability.QRESYNC in new or capability.CONDSTORE in new:
        session.enabled.add(capability.CONDSTORE)  # RFC 7162 §3.2.3
        if session.view is not None:
            out.put(session.view.highest_modseq())  # RFC 7162 §3.1.2
    if capability.IMAP4REV2 in new and session.view is not None:
        session.view.forget_recent()
    return Completed(b"enabled" if new else b"nothing of this is known here")


async def compress(session: Session, command: Compress, _out: Out) -> Completed:
    """RFC 4978 §3: once in a connection; what follows this answer is compressed, both ways."""
    if command.mechanism != b"DEFLATE":
        raise Refusal(b"CANNOT", "only DEFLATE is known here")
    if session.compressed:
        raise Refusal(b"COMPRESSIONACTIVE", "this connection is compressed already")
    if not session.security.can_compress:
        raise Refusal(b"CANNOT", "within one computer it would only cost time")
    session.compressed = session.wants_compression = True
    return Completed(b"compressed from here on")


async def namespace(_session: Session, _command: Namespace, out: Out) -> Completed:
    """RFC 2342 §5: one personal namespace without a prefix."""
    out.put(b'* NAMESPACE (("" "%b")) NIL NIL\r\n' % DELIMITER.encode())
    return Completed(b"one namespace")


async def logout(session: Session, _command: Logout, out: Out) -> Completed:
    """RFC 9051 §6.1.3."""
    await session.deselect()
    session.ended = True
    out.put(b"* BYE until next time\r\n")
    return Completed(b"logged out")
