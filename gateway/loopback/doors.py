"""The two doors for mail programs, with the limits and the TLS of this gateway."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import imap_out.server
import smtp_in.server
import smtp_in.submitting
from gateway.config import Config
from gateway.loopback.beyond import IMAP, SMTP, context_of
from gateway.loopback.hidden_capabilities import hiding_of
from gateway.loopback.peer_uid import is_own_loopback
from imap_out.wire.limits import Limits as ImapLimits
from mx_core import ports
from mx_core.trail_port import Observer
from smtp_in.limits import Limits as SmtpLimits


def mail_doors(
    listeners: Mapping[str, Sequence[socket.socket]],
    tls: ssl.SSLContext,
    accounts: ports.Accounts,
    config: Config,
    stopping: asyncio.Event,
    observer: Observer,
) -> list[Coroutine[Any, Any, None]]:
    """Return what serves IMAP and SMTP until *stopping*; *listeners* as ``bound`` and ``bound_beyond`` name them."""
    limits = config.limits
    far = context_of(config.beyond) if listeners.get(IMAP) else tls
    imap = imap_out.server.serve(
        [imap_out.server.Listener(s, tls, implicit=False) for s in listeners["imap"]]
        + [imap_out.server.Listener(s, tls, implicit=True) for s in listeners["imap_tls"]]
        + [imap_out.server.Listener(s, far, implicit=True) for s in listeners.get(IMAP, ())],
        accounts,
        limits=ImapLimits(connections=limits.connections, account_octets=limits.account_octets),
        allow_clear=is_own_loopback,
        stopping=stopping,
        hiding=hiding_of(config.hide),
        observer=observer,
    )
    smtp = smtp_in.submitting.serve(
        [smtp_in.server.Listener(s, tls, implicit=False) for s in listeners["smtp"]]
        + [smtp_in.server.Listener(s, tls, implicit=True) for s in listeners["smtp_tls"]]
        + [smtp_in.server.Listener(s, far, implicit=True) for s in listeners.get(SMTP, ())],
        accounts,
        limits=smtp_limits(config),
        allow_clear=is_own_loopback,
        stopping=stopping,
        observer=observer,
    )
    return [imap, smtp]


def smtp_limits(config: Config) -> SmtpLimits:
    """Return the bounds of what may be submitted."""
    return SmtpLimits(
        message_octets=config.limits.message_octets,
        recipients=config.limits.recipients,
        connections=config.limits.connections,
    )
