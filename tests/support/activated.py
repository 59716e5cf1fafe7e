"""Run one of our modules as a service manager does that opened its sockets: sd_listen_fds(3).

``python -m tests.support.activated PORTS PATH MODULE ARGUMENT…``: listens at each of the comma-separated
ports on loopback and at the unix socket PATH (``-``: none), then becomes the module, in this process.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

_FIRST = 3


def main() -> None:
    ports, path, *program = sys.argv[1:]
    opened = [socket.create_server(("127.0.0.1", int(port))) for port in ports.split(",")]
    if path != "-":
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bound.bind(path)
        Path(path).chmod(0o600)
        bound.listen()
        opened.append(bound)
    # first out of the way: a descriptor that is still to be copied may stand where one goes
    copies = [os.dup2(one.fileno(), 100 + n) for n, one in enumerate(opened)]
    for number, copy in enumerate(copies):
        os.dup2(copy, _FIRST + number, inheritable=True)
        os.close(copy)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(opened))}
    print("listening", flush=True)
    sys.stdin.readline()  # as long as the manager waits for the first connection
    os.execv(sys.executable, [sys.executable, "-m", *program])


if __name__ == "__main__":
    main()
