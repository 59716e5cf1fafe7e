"""The base subject that sorting and threading compare.  RFC 5256 §2.1.

Works on the decoded and folded text; each step removes octets or ends, so a subject of n
characters costs O(n).
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from mx_core.mime import casemap, encoded_word

_SPACES: Final = re.compile(r"[ \t\r\n]++")
# subj-blob  = "[" *BLOBCHAR "]" *WSP
_BLOB: Final = re.compile(r"\[[^\[\]]*+\] ?")
# subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
_REFWD: Final = re.compile(r"(?:RE|FWD?) ?(?:\[[^\[\]]*+\] ?)?:")
_FWD_HEAD: Final = "[FWD:"
_FWD_TRAIL: Final = "(FWD)"


class BaseSubject(Struct, frozen=True):
    """A base subject, folded; *is_reply*: what was removed says that it answers or forwards."""

    text: str = ""
    is_reply: bool = False


def read(value: bytes | None) -> BaseSubject:
    """Return the base of a Subject value, and whether it is one of a reply or forward."""
    if value is None:
        return BaseSubject()
    text = _SPACES.sub(" ", casemap.fold(encoded_word.decode(value)))  # step 1
    start, end = 0, len(text)
    is_reply = False
    while True:
        end, forwarded = _without_trailers(text, start, end)  # step 2
        start, answers = _without_leaders(text, start, end)  # steps 3 to 5
        is_reply = is_reply or forwarded or answers
        if not (text.startswith(_FWD_HEAD, start, end) and text[end - 1] == "]"):
            return BaseSubject(text[start:end], is_reply)
        start, end, is_reply = start + len(_FWD_HEAD), end - 1, True  # step 6


def _without_trailers(text: str, start: int, end: int) -> tuple[int, bool]:
    # subj-trailer = "(fwd)" / WSP
    forwarded = False
    while end > start:
        if text[end - 1] == " ":
            end -= 1
        elif text.endswith(_FWD_TRAIL, start, end):
            end -= len(_FWD_TRAIL)
            forwarded = True
        else:
            break
    return end, forwarded


def _without_leaders(text: str, start: int, end: int) -> tuple[int, bool]:
    # subj-leader = (*subj-blob subj-refwd) / WSP
    answers = False
    while True:
        before = start
        if text.startswith(" ", start, end):
            start += 1
        last = at = start
        while (blob := _BLOB.match(text, at, end)) is not None:
            last, at = at, blob.end()
        refwd = _REFWD.match(text, at, end)
        if refwd is not None:
            start, answers = refwd.end(), True
        elif at > start:
            # blobs before no "re:" go one by one while something is left behind them
            start = at if at < end else last
        if start == before:
            return start, answers
