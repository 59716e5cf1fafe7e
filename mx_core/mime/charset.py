"""Octets to text behind an allow-list: a label that names no charset of mail is refused.

The codec registry of the language also knows transformations (``unicode_escape``, ``utf-7``,
``punycode``); none of these is reachable from a message.  Output is at most one character per
octet.  RFC 2046 §4.1.2, labels as registered and as mail programs write them.
"""

from __future__ import annotations

from typing import Final

_ALLOWED: Final[dict[str, str]] = {
    "us-ascii": "ascii", "ascii": "ascii", "ansi_x3.4-1968": "ascii", "646": "ascii",
    "utf-8": "utf-8", "utf8": "utf-8", "utf-8-mac": "utf-8", "unicode-1-1-utf-8": "utf-8",
    "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    "koi8-r": "koi8-r", "koi8-u": "koi8-u",
    "iso-2022-jp": "iso2022_jp", "iso-2022-jp-1": "iso2022_jp_1", "iso-2022-jp-2": "iso2022_jp_2",
    "iso-2022-jp-3": "iso2022_jp_3", "iso-2022-kr": "iso2022_kr",
    "euc-jp": "euc_jp", "eucjp": "euc_jp", "euc-kr": "euc_kr", "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949", "cp949": "cp949", "uhc": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "windows-31j": "cp932", "cp932": "cp932",
    "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "gb18030": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "cp950", "cp950": "cp950", "big5-hkscs": "big5hkscs",
    "tis-620": "cp874", "windows-874": "cp874",
    "macintosh": "mac_roman", "x-mac-roman": "mac_roman",
    "cp437": "cp437", "ibm437": "cp437", "cp850": "cp850", "ibm850": "cp850", "cp866": "cp866",
    "ibm866": "cp866",
    **{f"iso-8859-{n}": f"iso8859_{n}" for n in range(1, 17) if n != 12},  # noqa: PLR2004
    **{f"iso_8859-{n}": f"iso8859_{n}" for n in range(1, 17) if n != 12},  # noqa: PLR2004
    **{f"iso8859-{n}": f"iso8859_{n}" for n in range(1, 17) if n != 12},  # noqa: PLR2004
    "iso-8859-8-i": "iso8859_8", "iso-8859-8-e": "iso8859_8", "iso-8859-6-i": "iso8859_6",
    "latin1": "iso8859_1", "latin-1": "iso8859_1",
    **{f"windows-{n}": f"cp{n}" for n in range(1250, 1259)},
    **{f"cp{n}": f"cp{n}" for n in range(1250, 1259)},
}  # fmt: skip

# What is sent as Latin-1 or ASCII is Windows-1252 in truth, as every reader assumes.
_WIDENED: Final = {"iso8859_1": "cp1252"}
_LABEL_CHARACTERS_MAX: Final = 40


def is_known(label: str) -> bool:
    """Tell whether *label* (any case, RFC 2231 §5 language suffix allowed) is in the list."""
    return _codec(label) is not None


def decode(octets: bytes, label: str) -> str | None:
    """Return the text of *octets*, undecodable ones replaced; None for an unlisted label."""
    codec = _codec(label)
    if codec is None:
        return None
    if codec in ("ascii", "utf-8"):
        return guess(octets)
    return octets.decode(_WIDENED.get(codec, codec), "replace")


def guess(octets: bytes) -> str:
    """Return the text of octets without a label: UTF-8 if they are that, else Windows-1252."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def _codec(label: str) -> str | None:
    if len(label) > _LABEL_CHARACTERS_MAX:
        return None
    return _ALLOWED.get(label.partition("*")[0].strip(" \"'").lower())
