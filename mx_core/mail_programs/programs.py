"""One file for each mail program, ready to be saved where the program looks for it.  Pure."""

from __future__ import annotations

import plistlib
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct

from mx_core.mail_programs import quoting
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.errors import Refused

_SPACE: Final = uuid.UUID("5b0f8f1c-1d7a-5c39-9c0e-5f7d0a7e6a51")  # of identifiers in profiles


class Program(Struct, frozen=True):
    """A mail program; *place*: where its file goes, said to a person."""

    name: str
    place: str
    write: Callable[[MailSettings], str]


def thunderbird_document(domain: str, imap_tls: int, smtp_tls: int) -> str:
    """Return the autoconfig document of *domain* for Thunderbird: this computer, implicit TLS.

    https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat
    """
    return _xml().get_template("autoconfig.xml").render(domain=domain, imap=imap_tls, smtp=smtp_tls)


def _thunderbird(settings: MailSettings) -> str:
    domain = settings.address.rpartition("@")[2]
    return thunderbird_document(domain, settings.imap_tls, settings.smtp_tls)


def _apple(settings: MailSettings) -> str:
    """Return a configuration profile.  Apple, Configuration Profile Reference, Mail."""
    identifier = f"mx-gateway.{settings.address}"
    mail = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.mail",
        "PayloadUUID": str(uuid.uuid5(_SPACE, f"{identifier}.mail")).upper(),
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": settings.address,
        "EmailAccountDescription": settings.address,
        **_apple_door("Incoming", settings.host, settings.imap_tls, settings),
        **_apple_door("Outgoing", settings.host, settings.smtp_tls, settings),
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid.uuid5(_SPACE, identifier)).upper(),
        "PayloadDisplayName": f"Mail of {settings.address}",
        "PayloadContent": [mail],
    }
    return plistlib.dumps(profile).decode()


def _apple_door(way: str, host: str, port: int, settings: MailSettings) -> dict[str, Any]:
    return {
        f"{way}MailServerHostName": host,
        f"{way}MailServerPortNumber": port,
        f"{way}MailServerUseSSL": True,
        f"{way}MailServerAuthentication": "EmailAuthPassword",
        f"{way}MailServerUsername": settings.username,
        f"{way}Password": settings.password,
    }


def _from(template: str) -> Callable[[MailSettings], str]:
    return lambda settings: _plain().get_template(template).render(s=settings)


_ALL: Final = (
    Program(
        "thunderbird",
        "isp/DOMAIN.xml in Thunderbird's program folder; or nowhere, if your domain publishes it",
        _thunderbird,
    ),
    Program("mutt", "~/.muttrc", _from("muttrc")),
    Program("neomutt", "~/.config/neomutt/neomuttrc", _from("muttrc")),
    Program("aerc", "~/.config/aerc/accounts.conf, mode 600", _from("aerc")),
    Program("mbsync", "~/.mbsyncrc, mode 600", _from("mbsyncrc")),
    Program("msmtp", "~/.msmtprc, mode 600", _from("msmtprc")),
    Program("git", "~/.gitconfig, for git send-email", _from("gitconfig")),
    Program("apple", "a file NAME.mobileconfig; open it", _apple),
)
PROGRAMS: Final[Mapping[str, Program]] = {each.name: each for each in _ALL}


def chosen(name: str) -> Program:
    """Return the program called *name*; raises Refused."""
    if name not in PROGRAMS:
        raise Refused(f"no file is known for {name!r}; there are: {', '.join(PROGRAMS)}")
    return PROGRAMS[name]


@cache
def _plain() -> Environment:
    made = Environment(  # noqa: S701  # files of mail programs, each value in its program's quotes
        loader=PackageLoader("mx_core.mail_programs"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    made.filters.update(
        mutt=quoting.mutt,
        mbsync=quoting.mbsync,
        msmtp=quoting.msmtp,
        git=quoting.git,
        url=quoting.url,
    )
    return made


@cache
def _xml() -> Environment:
    return Environment(
        loader=PackageLoader("mx_core.mail_programs"),
        undefined=StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
    )
