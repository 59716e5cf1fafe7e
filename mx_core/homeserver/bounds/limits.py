"""Every limit of a home server, in one table: what it bounds, how much, and what crosses it hears.

The page docs/spec/limits.md is this table with the defaults; ``mx-home limits`` prints it with
what is in force.  Limits that the configuration does not move stand here with their constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from mx_core.admission.postage import BITS_USUAL
from mx_core.admission.tag_list import TAGS_MAX
from mx_core.federation import batch
from mx_core.homeserver.bounds.admitting import FIRST_BODY_OCTETS
from mx_core.homeserver.config import Config
from mx_core.homeserver.doors import listeners
from mx_core.homeserver.mailboxes import accept, collect, retention
from mx_core.homeserver.queue import keeping


class Limit(NamedTuple):
    """One row; *key* is ``section.field`` of the configuration, or empty when it is fixed."""

    what: str
    key: str
    fixed: int
    unit: str
    answer: str


LIMITS: Final = (
    Limit("envelope", "limits.envelope_octets", 0, "octets", "TOO_LARGE"),
    Limit("body inside an item", "limits.inline_body_octets", 0, "octets", "TOO_LARGE"),
    Limit("body put as a blob", "limits.blob_octets", 0, "octets", "TOO_LARGE; the upload is refused"),
    Limit("deliver_by ahead of now", "", accept.DELIVER_BY_AHEAD_SECONDS, "s", "EXPIRED, as when it is past"),
    Limit("items in a batch", "", batch.ITEMS_MAX, "", "the batch is refused, `batch-format`"),
    Limit("recipients of an item", "", 1, "", "one envelope for each mailbox"),
    Limit("from connecting to the end of TLS's handshake", "", listeners.HANDSHAKE_SECONDS, "s", "the connection is closed"),
    Limit("one gRPC message", "", listeners.MESSAGE_OCTETS_MAX, "octets", "RESOURCE_EXHAUSTED by the transport"),
    Limit("age of a batch, either way", "", batch.WINDOW_SECONDS, "s", "the batch is refused, `batch-window`"),
    Limit("envelopes from one person", "rates.user_per_minute", 0, "a minute", "RATE_LIMITED and when; sent again by the gateway"),
    Limit("… at once", "rates.user_burst", 0, "", "as above"),
    Limit("envelopes from one domain", "rates.peer_per_minute", 0, "a minute", "RATE_LIMITED, 30 to 300 s"),
    Limit("… at once", "rates.peer_burst", 0, "", "as above"),
    Limit("… for one mailbox", "rates.peer_mailbox_per_minute", 0, "a minute", "RATE_LIMITED, 30 to 300 s"),
    Limit("… for one mailbox at once", "rates.peer_mailbox_burst", 0, "", "as above"),
    Limit("… without a token", "rates.stranger_per_minute", 0, "a minute", "RATE_LIMITED, 30 to 300 s"),
    Limit("… without a token at once", "rates.stranger_burst", 0, "", "as above"),
    Limit("ordinary mail at the door, for one mailbox", "rates.door_per_minute", 0, "a minute", "450 4.7.1 to the mail server that brings it"),
    Limit("… at once", "rates.door_burst", 0, "", "as above"),
    Limit("postage without a token", "", BITS_USUAL, "bits, or those of the profile", "POSTAGE and how much, before existence is told"),
    Limit("body brought without a token", "", FIRST_BODY_OCTETS, "octets", "TOO_LARGE; it is named instead, and fetched once the person accepts"),
    Limit("a body waits to be accepted", "", keeping.KEEP_SECONDS, "s", "it is gone, and the reader is told"),
    Limit("tags of the week of one person", "", TAGS_MAX, "", "INVALID_ARGUMENT; the gateway leaves out those it wrote to longest ago"),
    Limit("waiting for one person's devices", "limits.mailbox_octets", 0, "octets", "DEFERRED, an hour"),
    Limit("waiting to leave, of one person", "limits.outgoing_items", 0, "items", "DEFERRED, a minute"),
    Limit("trying to deliver", "queue.give_up_seconds", 0, "s", "a report to the sender, 5.4.7"),
    Limit("a device that does not collect holds mail back", "", retention.SYNC_SECONDS, "s", "the rows go when another device has them"),
    Limit("deliveries in flight to one device", "", collect.WINDOW_MAX, "", "the stream waits for acknowledgements"),
    Limit("bodies put and not named by an envelope", "limits.unused_blob_octets", 0, "octets", "RESOURCE_EXHAUSTED; swept after an hour"),
    Limit("room left on the disk", "limits.free_disk_octets", 0, "octets", "below it DEFERRED; reading and acks go on"),
    Limit("names one person looks up", "limits.look_ups_per_user_hour", 0, "an hour", "an empty answer of the usual size, and when"),
    Limit("names one domain looks up", "limits.look_ups_per_peer_hour", 0, "an hour", "as above; a name that is nobody's counts three, mail without a token as a name"),
    Limit("introductions from one /24 or /48", "limits.hello_per_minute", 0, "a minute", "RESOURCE_EXHAUSTED, before anything is looked up"),
    Limit("challenges outstanding", "limits.sessions", 0, "", "RESOURCE_EXHAUSTED"),
)  # fmt: skip


def rows(config: Config) -> Iterator[tuple[str, str, str, str]]:
    """Yield (what, key, value, answer) with the values of *config*."""
    for limit in LIMITS:
        value = limit.fixed
        if limit.key:
            section, _, field = limit.key.partition(".")
            value = getattr(getattr(config, section), field)
        shown = f"{value:,.0f} {limit.unit}".rstrip()
        yield limit.what, limit.key, shown, limit.answer


def table(config: Config) -> str:
    """Return the Markdown table of docs/spec/limits.md."""
    lines = ["| what | setting | limit | what crosses it hears |", "|---|---|---|---|"]
    for what, key, value, answer in rows(config):
        setting = f"`{key}`" if key else "fixed"
        lines.append(f"| {what} | {setting} | {value} | {answer} |")
    return "\n".join(lines) + "\n"
