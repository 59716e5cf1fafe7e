"""Large bodies as objects of an S3-compatible service.  The only module that knows boto3.

An object is there whole once its PUT was answered, and not before: nothing has to be renamed or
synced.  It is sent with the SHA-256 of its octets in the signature, so a service that got others
does not say yes.  boto3 waits in threads, of a pool of its own: a service that hangs keeps nobody
else waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mx_core.db.durable import make_folder, write_new
from mx_core.homeserver.storage.bodies import BlobMissing
from mx_core.homeserver.storage.depot import FOUND_AT_ONCE, Found, blob_of
from mx_core.homeserver.storage.files import must_be_whole
from mx_core.model.errors import Busy, DiskFull, StoreDamaged, Unavailable

T = TypeVar("T")

_log = structlog.get_logger()
_THREADS: Final = 8
_WAITING_MAX: Final = 256
_CALL_SECONDS: Final = 120.0  # of a call with its tries, and the wait for a thread
_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 20
_TRIES: Final = 3
_COPIED_AT_ONCE: Final = 1 << 20
_GONE: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_FULL: Final = frozenset(
    {"QuotaExceeded", "InsufficientStorage", "StorageFull", "XMinioStorageFull"}
)
_BEYOND: Final = frozenset({"InvalidRange", "416"})


class Bucket:
    """See ``Depot``; owner: the event loop.  Credentials are where the AWS tools look for them."""

    far = True

    def __init__(self, name: str, prefix: str, *, endpoint: str = "", region: str = "") -> None:
        """*prefix* is empty or ends with a slash; no *endpoint*: Amazon's own."""
        self._name = name
        self._prefix = prefix
        self._threads = ThreadPoolExecutor(_THREADS, "bucket")
        self._waiting = 0
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=region or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_ANSWER_SECONDS,
                retries={"mode": "standard", "total_max_attempts": _TRIES},
                max_pool_connections=_THREADS,
                # what every service that says S3 understands, and still proves the octets
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={
                    "addressing_style": "path" if endpoint else "auto",
                    "payload_signing_enabled": True,
                },
            ),
        )

    @property
    def sentence(self) -> str:
        """Say where it is."""
        return f"the bucket s3://{self._name}/{self._prefix}"

    async def prepare(self) -> None:
        """Ask nothing: a home server starts, and serves small mail, while the service is away."""

    async def put(self, place: str, octets: bytes) -> None:
        """PUT; answered once it is durable."""
        await self._call(partial(self._put, place, octets))

    async def take(self, place: str, path: Path) -> None:
        """PUT, read from *path* while it is sent; the file stays."""
        await self._call(partial(self._take, place, path))

    async def piece(self, place: str, offset: int, length: int) -> bytes:
        """GET of a range."""
        return await self._call(partial(self._piece, place, offset, length))

    async def holds(self, place: str) -> bool:
        """HEAD."""
        ask = partial(self._client.head_object, Bucket=self._name, Key=self._key(place))
        try:
            await self._call(ask)
        except BlobMissing:
            return False
        return True

    async def remove(self, place: str) -> None:
        """DELETE, which does not mind that nothing is there."""
        key = self._key(place)
        await self._call(partial(self._client.delete_object, Bucket=self._name, Key=key))

    async def found(self) -> AsyncIterator[Sequence[Found]]:
        """List, page by page."""
        following: dict[str, str] = {}
        while True:
            ask = partial(
                self._client.list_objects_v2,
                Bucket=self._name,
                Prefix=self._prefix,
                MaxKeys=FOUND_AT_ONCE,
                **following,
            )
            page = await self._call(ask)
            found = [
                Found(each["Key"].removeprefix(self._prefix), each["LastModified"].timestamp())
                for each in page.get("Contents", ())
            ]
            yield [each for each in found if blob_of(each.place) is not None]
            if not page.get("IsTruncated"):
                return
            following = {"ContinuationToken": page["NextContinuationToken"]}

    async def copy_in(self, place: str, size: int, path: Path) -> None:
        """PUT, unless it is there."""
        must_be_whole(path, size)
        if not await self.holds(place):
            await self.take(place, path)

    async def copy_out(self, place: str, size: int, path: Path) -> None:
        """GET all of it into a file."""
        try:
            await self._call(partial(self._copy_out, place, size, path))
        except BlobMissing as error:
            raise StoreDamaged(f"the object of blob {_said(place)} is missing") from error

    async def close(self) -> None:
        """Begin no call more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    # ── inside ───────────────────────────────────────────────────────────────────────
    async def _call(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING_MAX:
            raise Busy("too many large bodies wait for the object store; try again later")
        self._waiting += 1
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except ClientError as error:
            raise _translated(error) from error
        except (BotoCoreError, TimeoutError) as error:
            _log.warning("bucket_away", error=type(error).__name__)
            raise Unavailable("the object store of this server does not answer") from error
        finally:
            self._waiting -= 1

    def _put(self, place: str, body: Any) -> None:
        # Crash before the answer: the whole object or none.  Tries are the same object again.
        self._client.put_object(Bucket=self._name, Key=self._key(place), Body=body)

    def _take(self, place: str, path: Path) -> None:
        with path.open("rb") as file:
            self._put(place, file)

    def _piece(self, place: str, offset: int, length: int) -> bytes:
        wanted = f"bytes={offset}-{offset + length - 1}"
        try:
            told = self._client.get_object(Bucket=self._name, Key=self._key(place), Range=wanted)
        except ClientError as error:
            if _code(error) in _BEYOND:
                return b""
            raise
        with contextlib.closing(told["Body"]) as body:
            octets: bytes = body.read(length)  # a service that ignores the range gives no more
        return octets

    def _copy_out(self, place: str, size: int, path: Path) -> None:
        make_folder(path.parent)
        told = self._client.get_object(Bucket=self._name, Key=self._key(place))
        with contextlib.closing(told["Body"]) as body:
            write_new(path, _pieces(body))
        must_be_whole(path, size)

    def _key(self, place: str) -> str:
        return self._prefix + place


def _pieces(body: Any) -> Iterator[bytes]:
    while octets := body.read(_COPIED_AT_ONCE):
        yield octets


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _translated(error: ClientError) -> Exception:
    code = _code(error)
    if code in _GONE:
        return BlobMissing("the object of this body is not here")
    _log.warning("bucket_refused", error=code)
    if code in _FULL:
        return DiskFull("there is no room in the object store of this server")
    return Unavailable(f"the object store of this server refuses: {code or 'no reason given'}")


def _said(place: str) -> str:
    return place.replace("/", "")[:16]
