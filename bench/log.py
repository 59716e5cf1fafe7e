"""What a domain's log costs its server, and what its proofs cost a gateway.  Spec/transparency."""

import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa
import structlog
from msgspec.structs import replace
from nacl.signing import SigningKey

from bench.rows import Row
from mx_core.db.database import Database
from mx_core.directory.proving import WatchedLog
from mx_core.directory.sender_check import verify_card
from mx_core.homeserver.domain.role_keys import of_seed
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.schema import LOG_WAITING
from mx_core.model.address import Address
from mx_core.model.ids import DeviceId
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.passport import make
from mx_core.passport.binding import Attestation, Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.tlog.checkpoint import open_checkpoint
from mx_core.tlog.log_proof import LogKeys, Seen, label_shown

NAMES = 10_000
RECORDS = 100_000
ROUNDS = 300
CHAIN = 40
DOMAIN = "a.example"
KEYS = of_seed(Secret(SigningKey(b"r" * 32)))
DOMAIN_KEY = SigningKey(b"d" * 32)


def measure() -> list[Row]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return asyncio.run(_measured())


async def _measured() -> list[Row]:
    with _database() as database:
        book = LogBook(database, DOMAIN, KEYS, time.time)
        await book.start()
        names = [f"user{n}@{DOMAIN}" for n in range(NAMES)]
        new = await _appended(database, book, names)
        known = await _appended(database, book, [names[n % NAMES] for n in range(RECORDS - NAMES)])
        proof = [await _ms(partial(book.proof, name, _binding(name), 0)) for name in names[:ROUNDS]]
        begun = time.process_time()
        again = LogBook(database, DOMAIN, KEYS, time.time)
        await again.start()
        start = time.process_time() - begun
    warm, anew, cold, card = await _verified()
    return [
        Row("append, new names", "1/s of CPU", "higher", new, NAMES, floor=800),
        Row("append, known names", "1/s of CPU", "higher", known, RECORDS - NAMES, floor=5_000),
        Row(
            "a proof of 100,000 records, p50",
            "ms",
            "lower",
            statistics.median(proof),
            ROUNDS,
            floor=1.0,
        ),
        Row("start with 100,000 records", "s of CPU", "lower", start, 1, floor=2.0),
        Row(
            "verify a pinned contact, unchanged head, p50",
            "ms of CPU",
            "lower",
            warm,
            ROUNDS,
            floor=2.0,
        ),
        Row(
            "the same, attested anew in a log that has grown, p50",
            "ms of CPU",
            "lower",
            anew,
            ROUNDS,
            floor=2.0,
        ),
        Row(
            f"verify a chain of {CHAIN} entries and its proof, cold",
            "ms of CPU",
            "lower",
            cold,
            1,
            floor=60.0,
        ),
        Row("card of one entry, as cached", "octets", "lower", card, 1, floor=16_384),
    ]


@contextmanager
def _database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(
            Path(folder) / "home.sqlite", migrations="mx_core.homeserver.migrations"
        )
        try:
            yield database
        finally:
            database.close()


def _binding(name: str) -> bytes:
    return b"the binding of " + name.encode()


async def _appended(database: Database, book: LogBook, names: list[str]) -> float:
    """Return how many of *names* are appended in a second of CPU, all threads counted."""

    def enqueue(tx: sa.Connection) -> None:
        rows = [{"address": name, "binding": _binding(name)} for name in names]
        tx.execute(LOG_WAITING.insert(), rows)

    await database.write(enqueue)
    begun = time.process_time()
    await book.flush()
    return len(names) / (time.process_time() - begun)


async def _ms(use: Callable[[], Awaitable[object]]) -> float:
    begun = time.process_time()
    await use()
    return (time.process_time() - begun) * 1e3


async def _verified() -> tuple[float, float, float, float]:
    """Return what checks cost, in ms of CPU, and the octets of a card.

    That of a pinned contact whose answer was seen before, that of the same in an answer made anew,
    and that of a long chain of which nothing was seen.
    """
    now = time.time()
    with _database() as database:
        book = LogBook(database, DOMAIN, KEYS, time.time)
        await book.start()
        young = await _card(database, book, "bob", 1, now)
        old = await _card(database, book, "ann", CHAIN, now)
        seen = Seen(book.published.size, _root(book))
        young = await _proved_again(book, young, seen.size)
        later = []
        for n in range(ROUNDS):  # attested anew, in a log that has grown
            await _appended(database, book, [f"other{n}@{DOMAIN}"])
            later.append(await _proved_again(book, young, seen.size, issued=now - n))
    watched = WatchedLog(_keys(), seen)

    def check(card: bytes, name: str, log: WatchedLog) -> object:
        return verify_card(
            card,
            asked=Address.parse(f"{name}@{DOMAIN}"),
            domain_keys=[bytes(DOMAIN_KEY.verify_key)],
            pin=None,
            now=now,
            log=log,
        )

    first = time.process_time()
    check(old, "ann", WatchedLog(_keys()))
    cold = (time.process_time() - first) * 1e3
    label_shown.cache_clear()
    check(young, "bob", watched)
    warm = _median_ms(lambda _: check(young, "bob", watched))
    anew = _median_ms(lambda n: check(later[n], "bob", watched))
    return warm, anew, cold, float(len(young))


def _median_ms(check: Callable[[int], object]) -> float:
    times = []
    for n in range(ROUNDS):
        begun = time.process_time()
        check(n)
        times.append((time.process_time() - begun) * 1e3)
    return statistics.median(times)


async def _card(database: Database, book: LogBook, name: str, entries: int, now: float) -> bytes:
    """Return a card whose passport has *entries* entries, each logged."""
    address = Address.parse(f"{name}@{DOMAIN}")
    identity, recovery, device = (SigningKey.generate() for _ in range(3))
    device_id = DeviceId(b"d" * 16)
    chain = [make.genesis(address, identity, recovery, device, device_id, now)]
    for _ in range(entries - 1):
        renewed = SigningKey.generate()
        state = verify_chain(chain, now=now)
        chain.append(
            make.rotate_identity(state, make.Writer(device_id, device, identity), renewed, now)
        )
        identity = renewed
    for count in range(1, entries + 1):
        logged = Binding.of(verify_chain(chain[:count], now=now)).encode()
        await database.write(
            lambda tx, octets=logged: log_rows.enqueue(tx, str(address), octets)  # type: ignore[misc]
        )
    await book.flush()
    state = verify_chain(chain, now=now)
    binding = Binding.of(state)
    epoch = new_epoch(state.pid, device_id, 1, b"x" * 32, now)
    return Card(
        address=address,
        entries=tuple(chain),
        epochs=(sign_epoch(device, epoch),),
        attestation=attest(DOMAIN_KEY, binding, now),
        log_proof=await book.proof(str(address), binding.encode(), 0),
    ).encode()


async def _proved_again(
    book: LogBook, card: bytes, since: int, issued: float | None = None
) -> bytes:
    """Return *card* as it is fetched later; *issued*: attested then, and not as before."""
    found = Card.decode(card)
    binding = Attestation.read(cbor.decode(found.attestation)).binding
    proof = await book.proof(str(found.address), binding.encode(), since)
    attestation = found.attestation if issued is None else attest(DOMAIN_KEY, binding, issued)
    return replace(found, attestation=attestation, log_proof=proof).encode()


def _keys() -> LogKeys:
    public = dict(KEYS.public)
    return LogKeys(f"{DOMAIN}/mailx-kt", public["kt"], public["vrf"])


def _root(book: LogBook) -> bytes:
    return open_checkpoint(book.published.note, book.origin, _keys().kt).checkpoint.root
