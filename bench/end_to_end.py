"""From 250 at alice to ``* EXISTS`` in bob's IDLE: two gateways, two home servers, mTLS, loopback.

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
        Row("MAIL → 250, p50", "ms", "lower", percentile(submissions, 0.50), COUNT),
        Row("MAIL → 250, p99", "ms", "lower", percentile(submissions, 0.99), COUNT),
    ]


def timed(world: World) -> tuple[list[float], list[float]]:
    """Return milliseconds from 250 to EXISTS, and from MAIL to 250."""
    arrivals, submissions = [], []
    with imap(world.bob.known) as inbox, smtp(world.alice.known) as submission:
        inbox.select("INBOX")
        inbox.send(b"x IDLE\r\n")
        inbox.readline()
        for n in range(COUNT + 5):
            text = TEXT.format(n=n, sender=world.alice.address, recipient=world.bob.address)
            started = time.perf_counter()
            send(submission, world, text)
            accepted = time.perf_counter()
            wait_for_exists(inbox)
            arrived = time.perf_counter()
            if n >= 5:  # the first ones look up cards and open connections
                arrivals.append((arrived - accepted) * 1000)
                submissions.append((accepted - started) * 1000)
        inbox.send(b"DONE\r\n")
        while not inbox.readline().startswith(b"x OK"):
            pass
    return arrivals, submissions


def send(submission: smtplib.SMTP, world: World, text: str) -> None:
    submission.sendmail(world.alice.address, [world.bob.address], text.encode())


def wait_for_exists(inbox: imaplib.IMAP4) -> None:
    while b"EXISTS" not in inbox.readline():
        pass
