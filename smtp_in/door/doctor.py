"""``mx-door doctor``: is this door as it should be, seen from its folder and from outside?

Each finding is one sentence, and for each that is bad a second one says what to do.  Nothing is
changed, and no mail is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from mx_core.model.errors import BadConfiguration, Unavailable
from mx_core.program.finding import Finding
from smtp_in.door import certificate
from smtp_in.door.config import FILE_NAME, HOME_SOCKET_NAME, Config, load, resolver_of
from smtp_in.door.home import HomeServer
from smtp_in.door.judging.names import NamesUnavailable, ResolvedNames

_SECONDS: Final = 5.0
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})


async def examine(folder: Path) -> AsyncIterator[Finding]:
    """Yield findings, from the folder outwards."""
    try:
        config = load(folder)
        certificate.context(config.tls, config.name or "door.invalid")
    except BadConfiguration as error:
        yield Finding(str(error), f"mend {folder / FILE_NAME}")
        return
    yield Finding(
        "TLS is offered with the certificate of the configuration"
        if config.tls.certificate
        else "TLS is offered with a certificate made at each start; give one for senders that demand it"
    )
    domain = await _domain(folder)
    if not domain:
        yield Finding(
            f"the home server does not answer at {folder / HOME_SOCKET_NAME}",
            "set [door] enabled = true in mx-home.toml, and start mx-home",
        )
        return
    yield Finding(f"this is the door of {domain}")
    yield await _greeting(config)
    async for finding in _records(config, domain):
        yield finding


async def _domain(folder: Path) -> str:
    home = HomeServer(folder / HOME_SOCKET_NAME)
    try:
        async with asyncio.timeout(_SECONDS):
            return (await home.begin()).domain
    except (Unavailable, TimeoutError):
        return ""
    finally:
        await home.close()


async def _greeting(config: Config) -> Finding:
    host = "127.0.0.1" if config.host in _EVERYWHERE else config.host
    where = f"{host} port {config.port}"
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, config.port)
            line = await reader.readline()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
    except (OSError, TimeoutError):
        return Finding(f"nobody answers at {where}", "start mx-door, or free the port for it")
    if not line.startswith(b"220 "):
        return Finding(f"what answers at {where} is no mail server that takes mail", "see its log")
    return Finding(f"mail is taken at {where}")


async def _records(config: Config, domain: str) -> AsyncIterator[Finding]:
    names = ResolvedNames(resolver_of(config, _SECONDS))
    try:
        hosts = await names.exchangers(domain)
        if not hosts:
            yield Finding(
                f"{domain} has no MX record: nobody brings mail here",
                f"publish: {domain}. IN MX 10 {config.name or 'the.name.of.this.machine'}.",
            )
            return
        for host in hosts:
            found = [
                *(await names.addresses(host, v6=False)),
                *(await names.addresses(host, v6=True)),
            ]
            if found:
                yield Finding(f"mail for {domain} is brought to {host} ({', '.join(found)})")
            else:
                yield Finding(
                    f"the MX record of {domain} names {host}, which has no address",
                    f"publish an A or AAAA record of {host}",
                )
    except NamesUnavailable:
        yield Finding(
            "the DNS does not answer: SPF, DKIM and DMARC can not be judged",
            f"mend the resolver, or set judging.nameserver in {FILE_NAME}",
        )
