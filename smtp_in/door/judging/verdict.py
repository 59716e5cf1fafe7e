"""Everything that is judged of one message, in bounded time; what can not be known now says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mx_core.model.message import HeaderField
from smtp_in.door.judging.dmarc import author_domain, judge_dmarc
from smtp_in.door.judging.names import Names
from smtp_in.door.judging.signatures import dkim_results, forwarder
from smtp_in.door.judging.spf import check_host, peer_of

_TEMPORARY: Final = "temperror"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The words of S.17.6 to 8.  spec/door §5."""

    spf: str
    dkim: tuple[tuple[str, str], ...]  # (domain, result)
    dmarc: str
    policy: str = ""  # that the author's domain asks for, where DMARC fails and nobody vouches


UNKNOWN: Final = Verdicts(_TEMPORARY, (), _TEMPORARY)


async def judge(
    names: Names,
    octets: bytes,
    fields: Sequence[HeaderField],
    *,
    peer_ip: str,
    helo: str,
    mail_from: str,
    forwarders: frozenset[str],
    seconds: float,
) -> Verdicts:
    """Return what is to be said of *octets*, whose top header is *fields*."""
    try:
        async with asyncio.timeout(seconds):
            spf, dkim = await asyncio.gather(
                check_host(names, peer_of(peer_ip), mail_from, helo),
                dkim_results(names, octets, fields),
            )
            sender = mail_from.rpartition("@")[2] or helo
            dmarc = await judge_dmarc(names, author_domain(octets, fields), (sender, spf), dkim)
            words, policy = [dmarc.result], dmarc.policy
            if dmarc.result == "fail":
                words.append(f"p={dmarc.policy}")
                vouches = await forwarder(names, octets, fields, forwarders) if forwarders else ""
                if vouches:
                    words.append(f"arc={vouches}")
                    policy = ""
            return Verdicts(spf, dkim, " ".join(words), policy)
    except TimeoutError:
        return UNKNOWN
