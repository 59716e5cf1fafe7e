"""What a domain's DNS says to mail programs that ask it: mail is read at their own computer.

RFC 6186 §3 and RFC 8314 §5.1: services with TLS from the first octet on the ports of a gateway as it
comes; the others are said not to be there, so that no program looks for a server elsewhere.
"""

from __future__ import annotations

from typing import Final

IMAP_TLS: Final = 1993  # of a gateway as it comes
SMTP_TLS: Final = 1465
_SECONDS: Final = 3600
_OFFERED: Final = (("_imaps", IMAP_TLS), ("_submissions", SMTP_TLS))
_ABSENT: Final = ("_imap", "_submission", "_pop3", "_pop3s")


def srv_records(domain: str) -> list[str]:
    """Return the SRV records of *domain*, one a line of a zone file."""
    offered = [
        f"{service}._tcp.{domain}. {_SECONDS} IN SRV 0 1 {port} localhost."
        for service, port in _OFFERED
    ]
    # a root as the target: the service is decidedly not available (RFC 6186 §3.4)
    absent = [f"{service}._tcp.{domain}. {_SECONDS} IN SRV 0 0 0 ." for service in _ABSENT]
    return offered + absent
