"""What one connection knows between commands, and the rights each state gives.

    NEW ──login──► AUTHENTICATED ◄──select, close──► SELECTED ──logout──► ENDED      RFC 9051 §3

Knows nothing of octets or sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from msgspec import Struct

from imap_out.session.state import capability
from imap_out.session.state.ahead import Ahead
from imap_out.session.state.hiding import Hiding
from imap_out.session.state.notify import Notice
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.refusals import ClientBug
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.shelves import Shelves
from imap_out.session.state.told_status import ToldStatus
from imap_out.wire.limits import Limits
from mx_core.ports import Account, Accounts, MailStore
from mx_core.trail_port import UNWATCHED, Trail


class State(Enum):
    """RFC 9051 §3."""

    NEW = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    ENDED = "logout"


class Security(Struct, frozen=True):
    """What protects the connection."""

    tls: bool  # it is encrypted
    can_start_tls: bool  # STARTTLS would work
    clear_allowed: bool  # a login without TLS is taken: the peer is proven to be the owner
    can_compress: bool = False  # the peer is on another computer

    @property
    def login_allowed(self) -> bool:
        """Tell whether a password may be sent now.  RFC 9051 §11.1."""
        return self.tls or self.clear_allowed


class Completed(Struct, frozen=True):
    """A tagged OK; *code* without its brackets."""

    text: bytes
    code: bytes = b""
    tells_modseq: bool = False  # after expunges, to a client that resynchronises by it


@dataclass(slots=True)
class Session:
    """One connection's state.  Owned by its task."""

    accounts: Accounts
    limits: Limits
    security: Security
    claims: RecentClaims
    shelves: Shelves = field(default_factory=Shelves)
    account: Account | None = None
    view: SelectedView | None = None
    ended: bool = False
    login_failures: int = 0
    nonsense: int = 0  # commands before login that made no sense
    farewell: bytes = b""  # said after the tagged answer, and then the connection ends
    wants_tls: bool = field(default=False)
    wants_compression: bool = False
    compressed: bool = False
    notice: Notice | None = None  # since NOTIFY
    enabled: set[bytes] = field(default_factory=set)  # of `capability.CAN_BE_ENABLED`
    hiding: Hiding = field(default_factory=Hiding)
    client: str = ""  # the name that the program gives itself
    trail: Trail = UNWATCHED
    is_alone: Callable[[], bool] = lambda: False  # nothing else is to be done on the loop just now
    told_statuses: dict[bytes, ToldStatus] = field(default_factory=dict)  # by what was asked
    ahead: Ahead = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing in hand."""
        self.ahead = Ahead(self.shelves)

    @property
    def state(self) -> State:
        """Return the state; it follows from what is there."""
        if self.ended:
            return State.ENDED
        if self.account is None:
            return State.NEW
        return State.AUTHENTICATED if self.view is None else State.SELECTED

    @property
    def mail(self) -> MailStore:
        """Return the mail of the account that is logged in."""
        if self.account is None:
            raise ClientBug("log in first")
        return self.account.mail

    @property
    def utf8_names(self) -> bool:
        """Tell whether mailbox names are spelled in UTF-8, both ways.  RFC 6855 §3."""
        return capability.UTF8_ACCEPT in self.enabled or self.rev2

    @property
    def rev2(self) -> bool:
        """Tell whether the client speaks IMAP4rev2.  RFC 9051 Appendix E, spec/imap §7."""
        return capability.IMAP4REV2 in self.enabled

    def selected(self) -> SelectedView:
        """Return the view; raises ClientBug."""
        if self.view is None:
            raise ClientBug("select a mailbox first")
        return self.view

    @property
    def hidden(self) -> frozenset[bytes]:
        """Return the capabilities that this client is not told of."""
        account = None if self.account is None else self.account.address
        return self.hiding.hidden(account, self.client)

    def capabilities(self) -> bytes:
        """Spell what is announced now.  docs/spec/imap.md has the list with its reasons."""
        return capability.announced(
            logged_in=self.account is not None,
            can_start_tls=self.security.can_start_tls and not self.security.tls,
            login_allowed=self.security.login_allowed,
            can_compress=self.security.can_compress and not self.compressed,
            limits=self.limits,
            hidden=self.hidden,
        )

    def set_notice(self, notice: Notice | None) -> None:
        """Replace what is told by *notice*, and open its watch if it has groups."""
        if self.notice is not None:
            self.notice.resources.close()
        self.notice = notice
        if notice is not None and notice.groups:
            notice.watch = notice.resources.enter_context(self.mail.watch())

    async def deselect(self) -> None:
        """Leave the selected mailbox, if there is one."""
        self.ahead.drop()
        if self.view is not None:
            view, self.view = self.view, None
            await view.close()
