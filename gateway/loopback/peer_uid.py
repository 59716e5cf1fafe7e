"""Who is at the other end of a loopback connection, by the kernel's socket table.

Clear-text AUTH is allowed only to the user that runs the gateway: another user of the machine
could connect to the port, but can not own the client's end of an established connection.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

_UID_COLUMN = 7
_ESTABLISHED = "01"
_IPV4 = 4


def is_own_loopback(peer: tuple[str, int], own: tuple[str, int]) -> bool:
    """Tell whether *peer* is loopback and its socket belongs to the user of this process."""
    if not ipaddress.ip_address(peer[0]).is_loopback:
        return False
    return socket_uid(peer, own) == os.getuid()


def socket_uid(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """Return the owner of the socket bound to *local* and connected to *remote*, or None."""
    wanted = (_kernel_form(local), _kernel_form(remote), _ESTABLISHED)
    table = "tcp" if ipaddress.ip_address(local[0]).version == _IPV4 else "tcp6"
    # the process's own entry stays readable where /proc is mounted with subset=pid
    for line in Path(f"/proc/self/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
        columns = line.split()
        if tuple(columns[1:4]) == wanted:
            return int(columns[_UID_COLUMN])
    return None


def _kernel_form(end: tuple[str, int]) -> str:
    """Render as the table does: 32-bit words of the address in host order, port in hex."""
    packed = ipaddress.ip_address(end[0]).packed
    words = (packed[n : n + 4][::-1].hex().upper() for n in range(0, len(packed), 4))
    return "".join(words) + f":{end[1]:04X}"
