"""What a person types into a mail program, as text.  Pure."""

from __future__ import annotations

from collections.abc import Mapping


def typed_settings(settings: Mapping[str, object]) -> str:
    """Return the settings block for one account."""
    rows = (
        ("Address", settings["address"]),
        ("User name", settings["username"]),
        ("Password", settings["password"]),
        ("IMAP server", f"{settings['host']}, port {settings['imap_tls']}, SSL/TLS"),
        ("SMTP server", f"{settings['host']}, port {settings['smtp_tls']}, SSL/TLS"),
        ("  or, without TLS", f"IMAP port {settings['imap']}, SMTP port {settings['smtp']}"),
        ("Certificate to trust", settings["ca"]),
    )
    return "\n".join(f"  {name + ':':<22} {value}" for name, value in rows)
