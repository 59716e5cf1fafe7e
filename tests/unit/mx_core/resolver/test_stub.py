"""One stub: what goes with its questions, and a machine that names no resolver."""

import dns.flags
import dns.name
import dns.rdatatype
import dns.resolver
import pytest

from mx_core.model.errors import PeerUnreachable
from mx_core.resolver.settings import ResolverSettings
from mx_core.resolver.stub import Stub

pytestmark = pytest.mark.anyio
LOCAL = ResolverSettings(nameserver="127.0.0.1")


def test_who_asks_whether_dnssec_held_sends_ad_and_do() -> None:
    stub = Stub(LOCAL, validated=True)._stub

    assert stub.flags is not None
    assert stub.flags & dns.flags.AD
    assert stub.ednsflags & dns.flags.DO


def test_who_does_not_ask_gets_no_signatures() -> None:
    stub = Stub(LOCAL, validated=False)._stub

    assert not (stub.flags or 0) & dns.flags.AD
    assert not stub.ednsflags & dns.flags.DO


async def test_a_machine_without_a_resolver_can_start_and_finds_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr("dns.resolver.BaseResolver.read_resolv_conf", none)
    stub = Stub(ResolverSettings(), validated=False)

    with pytest.raises(PeerUnreachable):
        await stub.ask(dns.name.from_text("a.test."), dns.rdatatype.A)
