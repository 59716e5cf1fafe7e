"""An S3-compatible object store of the tests' own: moto, over HTTP, in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from mx_core.homeserver.storage.bucket import Bucket

KEYS = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret"}
_START_SECONDS = 60.0


@contextlib.contextmanager
def running_object_store() -> Iterator[ObjectStore]:
    """Give one, and the keys to it in the environment of this process and its children."""
    store = ObjectStore()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in KEYS.items():
                patch.setenv(name, value)
            yield store
    finally:
        store.stop()


class ObjectStore:
    """One server; it holds its objects in memory, so it can be stopped for a while, not restarted."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "moto.server", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "1"},
        )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert time.monotonic() < until, "the object store does not start"
            assert self._process.poll() is None, "the object store ended"
            time.sleep(0.05)
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            config=Config(s3={"addressing_style": "path"}),
        )

    def make(self, name: str) -> str:
        """Make a bucket, and return its name."""
        self.client.create_bucket(Bucket=name)
        return name

    def bucket(self, name: str, prefix: str = "") -> Bucket:
        """Return the depot of a bucket."""
        return Bucket(name, prefix, endpoint=self.endpoint, region="us-east-1")

    def keys(self, name: str) -> list[str]:
        """List the objects of a bucket."""
        listed = self.client.list_objects_v2(Bucket=name)
        return [each["Key"] for each in listed.get("Contents", ())]

    def pause(self) -> None:
        """Let it hang: it takes connections and does not answer."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/moto-api/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
