"""The records that point mail programs at the gateway on their own computer."""

import dns.rdatatype
import dns.zone
from dns.rdtypes.IN.SRV import SRV

from gateway.config import Listen
from mx_core.mail_programs.srv import srv_records


def test_they_are_a_zone_file_that_names_the_ports_of_a_gateway_as_it_comes() -> None:
    records = srv_records("a.example")
    zone = dns.zone.from_text("\n".join(records), "a.example.", check_origin=False)
    found = {}
    for name, _, data in zone.iterate_rdatas(dns.rdatatype.SRV):
        assert isinstance(data, SRV)
        found[str(name)] = (str(data.target), data.port)

    assert found["_imaps._tcp"] == ("localhost.", Listen().imap_tls)
    assert found["_submissions._tcp"] == ("localhost.", Listen().smtp_tls)
    for service in ("_imap", "_submission", "_pop3", "_pop3s"):
        assert found[f"{service}._tcp"] == (".", 0)
    assert len(found) == 6
