"""The base subject that sorting and threading compare.  RFC 5256 §2.1.

Works on the decoded and folded text; each step removes octets or ends, so a subject of n
characters costs O(n).
"""

from __future__ import annotations

import re
from typing import Final

from mx_core.mime import casemap, encoded_word

_SPACES: Final = re.compile(r"[ \t\r\n]++")
# subj-blob  = "[" *BLOBCHAR "]" *WSP
_BLOB: Final = re.compile(r"\[[^\[\]]*+\] ?")
# subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
_REFWD: Final = re.compile(r"(?:RE|FWD?) ?(?:\[[^\[\]]*+\] ?)?:")
_FWD_HEAD: Final = "[FWD:"
_FWD_TRAIL: Final = "(FWD)"


def base_subject(value: bytes | None) -> str:
    """Return the base of a Subject value, folded by ``casemap``; "" when there is none."""
    if value is None:
        return ""
    text = _SPACES.sub(" ", casemap.fold(encoded_word.decode(value)))  # step 1
    start, end = 0, len(text)
    while True:
        end = _without_trailers(text, start, end)  # step 2
        start = _without_leaders(text, start, end)  # steps 3 to 5
        if not (text.startswith(_FWD_HEAD, start, end) and text[end - 1] == "]"):
            return text[start:end]
        start, end = start + len(_FWD_HEAD), end - 1  # step 6


def _without_trailers(text: str, start: int, end: int) -> int:
    # subj-trailer = "(fwd)" / WSP
    while end > start:
        if text[end - 1] == " ":
            end -= 1
        elif text.endswith(_FWD_TRAIL, start, end):
            end -= len(_FWD_TRAIL)
        else:
            break
    return end


def _without_leaders(text: str, start: int, end: int) -> int:
    # subj-leader = (*subj-blob subj-refwd) / WSP
    while True:
        before = start
        if text.startswith(" ", start, end):
            start += 1
        last = at = start
        while (blob := _BLOB.match(text, at, end)) is not None:
            last, at = at, blob.end()
        refwd = _REFWD.match(text, at, end)
        if refwd is not None:
            start = refwd.end()
        elif at > start:
            # blobs before no "re:" go one by one while something is left behind them
            start = at if at < end else last
        if start == before:
            return start
