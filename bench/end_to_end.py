"""From 250 at alice to ``* EXISTS`` in bob's IDLE, and in hers of Outbox: two gateways, two home servers, mTLS, loopback.

One message at a time, as a person sends; everything is durable before each yes.
"""

import imaplib
import smtplib
import tempfile
import time
from pathlib import Path

from bench.rows import Row, percentile
from gateway.demo.world import World
from tests.support.clients import imap, smtp

COUNT = 500
SHOWN = 200
TEXT = (
    "From: {sender}\r\nTo: {recipient}\r\nSubject: {n}\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
    "Message-ID: <{n}@bench.example>\r\n\r\n"
    + ("a line of seventy octets or so, to make two KB" * 45)
)


def measure() -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="mx-bench-") as directory,
        World(Path(directory), log_level="warning") as world,
    ):
        arrivals, submissions = timed(world)
        shown = shown_in_outbox(world)
    return [
        Row(
            "250 → EXISTS, p50", "ms", "lower", percentile(arrivals, 0.50), COUNT, floor=60, goal=30
        ),
        Row(
            "250 → EXISTS, p99",
            "ms",
            "lower",
            percentile(arrivals, 0.99),
            COUNT,
            floor=250,
            goal=100,
        ),
        Row("250 → EXISTS in Outbox, p50", "ms", "lower", percentile(shown, 0.50), SHOWN, floor=50),
        Row("250 → EXISTS in Outbox, p99", "ms", "lower", percentile(shown, 0.99), SHOWN),
        Row("MAIL → 250, p50", "ms", "lower", percentile(submissions, 0.50), COUNT),
        Row("MAIL → 250, p99", "ms", "lower", percentile(submissions, 0.99), COUNT),
    ]


def timed(world: World) -> tuple[list[float], list[float]]:
    """Return milliseconds from 250 to EXISTS, and from MAIL to 250."""
    arrivals, submissions = [], []
    with imap(world.bob.known) as inbox, smtp(world.alice.known) as submission:
        begin_idle(inbox, "INBOX")
        for n in range(COUNT + 5):
            started = time.perf_counter()
            send(submission, world, n)
            accepted = time.perf_counter()
            wait_for(inbox, b"EXISTS")
            arrived = time.perf_counter()
            if n >= 5:  # the first ones look up cards and open connections
                arrivals.append((arrived - accepted) * 1000)
                submissions.append((accepted - started) * 1000)
        end_idle(inbox)
    return arrivals, submissions


def shown_in_outbox(world: World) -> list[float]:
    """Return milliseconds from 250 until the sender's other session is told of the message in Outbox."""
    shown = []
    with imap(world.alice.known) as outbox, smtp(world.alice.known) as submission:
        begin_idle(outbox, "Outbox")
        for n in range(COUNT + 5, COUNT + 5 + SHOWN):
            send(submission, world, n)
            accepted = time.perf_counter()
            wait_for(outbox, b"EXISTS")
            shown.append((time.perf_counter() - accepted) * 1000)
            wait_for(outbox, b"EXPUNGE")  # it has left
        end_idle(outbox)
    return shown


def send(submission: smtplib.SMTP, world: World, n: int) -> None:
    text = TEXT.format(n=n, sender=world.alice.address, recipient=world.bob.address)
    submission.sendmail(world.alice.address, [world.bob.address], text.encode())


def begin_idle(client: imaplib.IMAP4, mailbox: str) -> None:
    client.select(mailbox)
    client.send(b"x IDLE\r\n")
    client.readline()


def end_idle(client: imaplib.IMAP4) -> None:
    client.send(b"DONE\r\n")
    wait_for(client, b"x OK")


def wait_for(client: imaplib.IMAP4, told: bytes) -> None:
    while told not in client.readline():
        pass
