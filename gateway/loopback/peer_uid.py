"""Who is at the other end of a loopback connection, as the kernel knows it.

Clear-text AUTH is allowed only to the user that runs the gateway: another user of the machine
could connect to the port, but can not own the client's end of an established connection.

The kernel is asked for that one socket (sock_diag(7)): reading its whole table took 5 to 15 ms,
most of a login.  Where it does not answer, for want of the module or of permission, the table
is read.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
from pathlib import Path
from typing import Final

_UID_COLUMN = 7
_ESTABLISHED = "01"
_IPV4 = 4

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h; numbers in host order, ports in the net's
_NETLINK_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20  # SOCK_DIAG_BY_FAMILY
_REQUEST: Final = 1  # NLM_F_REQUEST
_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ASKED: Final = struct.Struct("=BBBxI")  # family, protocol, extensions, states
_ENDS: Final = struct.Struct("!HH16s16s")  # ports and addresses, local and remote
_NO_COOKIE: Final = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, any cookie
_FOUND: Final = struct.Struct("=BBxx48s12xI")  # family, state, ends and cookie, uid
_TCP_ESTABLISHED: Final = 1
_SECONDS: Final = 1.0  # the kernel answers within the call


def is_own_loopback(peer: tuple[str, int], own: tuple[str, int]) -> bool:
    """Tell whether *peer* is loopback and its socket belongs to the user of this process."""
    if not ipaddress.ip_address(peer[0]).is_loopback:
        return False
    return socket_uid(peer, own) == os.getuid()


def socket_uid(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """Return the owner of the socket bound to *local* and connected to *remote*, or None."""
    with contextlib.suppress(OSError, struct.error):
        owner = _asked(local, remote)
        if owner is not None:
            return owner
    return _from_table(local, remote)


def _asked(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """Ask the kernel; None if it knows of none, or can not be asked so."""
    family = socket.AF_INET if ipaddress.ip_address(local[0]).version == _IPV4 else socket.AF_INET6
    hosts = [socket.inet_pton(family, end[0]) for end in (local, remote)]
    ends = _ENDS.pack(local[1], remote[1], *hosts)
    asked = _ASKED.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + ends + _NO_COOKIE
    header = _HEADER.pack(_HEADER.size + len(asked), _BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_SECONDS)
        kernel.send(header + asked)
        answer = kernel.recv(4096)
    if _HEADER.unpack_from(answer)[1] != _BY_FAMILY:
        return None  # an error, and most likely that there is none
    _, state, told, owner = _FOUND.unpack_from(answer, _HEADER.size)
    # a look-up that finds no connection goes on to sockets that listen
    if state != _TCP_ESTABLISHED or told[: len(ends)] != ends:
        return None
    return int(owner)


def _from_table(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
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
