"""The page of a gateway, as a browser without scripts has it."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.support.gateways import gateway


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[httpx.Client]:
    link = gateway(folder, "page").strip()
    parts = urlsplit(link)
    origin = f"{parts.scheme}://{parts.netloc}"
    headers = {"origin": origin}
    with httpx.Client(
        base_url=origin, follow_redirects=True, headers=headers, timeout=100
    ) as client:
        client.get(link)
        yield client


def words_of(shown: str) -> list[str]:
    return [html.unescape(word) for word in re.findall(r"<li><code>(\w+)</code></li>", shown)]
