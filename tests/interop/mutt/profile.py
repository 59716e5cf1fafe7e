"""A throw-away home with a muttrc: what a terminal user would write, and nothing remembered."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mx_core.mail_programs.mail_settings import MailSettings

# "mailboxes" comes last: neomutt connects while it reads that line, with the TLS settings that it
# has seen so far.
_RC = """\
set imap_user="{username}"
set imap_pass="{password}"
set folder="{imap_url}"
set spoolfile="+INBOX"
set record="+Sent"
set postponed="+Drafts"
set trash="+Trash"
set smtp_url="{smtp_url}"
set smtp_pass="{password}"
set imap_authenticators="plain:login"
set smtp_authenticators="plain:login"
set ssl_starttls={starttls}
set ssl_force_tls=yes
set ssl_ca_certificates_file="{ca}"
set imap_idle=yes
set imap_check_subscribed=no
set imap_keepalive=60
set timeout=2
set mail_check=2
set net_inc=0
set read_inc=0
set header_cache="{directory}/headers"
set message_cachedir="{directory}/messages"
set from="{address}"
set realname="Test User"
set use_from=yes
set {envelope_from}=yes
set editor="{directory}/editor"
set edit_headers=yes
set autoedit=yes
set fast_reply=yes
set include=yes
set postpone=ask-yes
set recall=no
set abort_nosubject=no
set abort_unmodified=no
set delete=yes
set move=no
set confirmappend=no
set confirmcreate=no
set quit=yes
set wait_key=no
set mark_old=no
set beep=no
set sort=mailbox-order
set index_format="%4C %Z %s"
set pager_index_lines=0
set charset="utf-8"
set send_charset="us-ascii:utf-8"
set pipe_decode=no
set signature=""
set copy=yes
set fcc_attach=yes
set mime_forward=no
set crypt_autosign=no
set imap_passive=no
{resync}
mailboxes "+INBOX" "+Sent" "+Drafts"
"""

_RESYNC = {
    "": "",
    "condstore": "set imap_condstore=yes",
    "qresync": "set imap_condstore=yes\nset imap_qresync=yes",
}

_EDITOR = """\
#!/bin/sh
printf 'typed in the editor zażółć\\n.\\nlast line\\n' >> "$1"
"""


@dataclass(frozen=True)
class Profile:
    """How to start one client with it."""

    directory: Path
    command: tuple[str, ...]
    environment: dict[str, str]


def make_profile(
    directory: Path, client: str, settings: MailSettings, *, starttls: bool, resync: str = ""
) -> Profile:
    """Write the files below *directory* and say how to start *client* (mutt or neomutt).

    *resync*: ``condstore`` or ``qresync``, which neither program uses unasked.
    """
    scheme = "" if starttls else "s"
    imap_port = settings.imap if starttls else settings.imap_tls
    smtp_port = settings.smtp if starttls else settings.smtp_tls
    user = quote(settings.username, safe="")
    for name in ("home", "messages"):
        (directory / name).mkdir()
    shutil.copy(settings.ca, directory / "ca.pem")
    rc = directory / "muttrc"
    rc.touch(mode=0o600)
    rc.write_text(
        _RC.format(
            username=settings.username,
            password=settings.password,
            address=settings.address,
            directory=directory,
            ca=directory / "ca.pem",
            imap_url=f"imap{scheme}://{settings.host}:{imap_port}/",
            smtp_url=f"smtp{scheme}://{user}@{settings.host}:{smtp_port}/",
            starttls="yes" if starttls else "no",
            resync=_RESYNC[resync],
            envelope_from="use_envelope_from" if client == "neomutt" else "envelope_from",
        ),
        encoding="utf-8",
    )
    editor = directory / "editor"
    editor.write_text(_EDITOR, encoding="utf-8")
    editor.chmod(0o700)
    return Profile(
        directory=directory,
        command=(client, "-n", "-F", str(rc)),
        environment={
            "PATH": os.environ["PATH"],
            "HOME": str(directory / "home"),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TERM": "screen",
            "TMUX_TMPDIR": str(directory),
        },
    )
