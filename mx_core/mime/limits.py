"""How far a message is taken apart.  What lies beyond stays deliverable as opaque octets."""

from __future__ import annotations

from typing import Final

DEPTH_MAX: Final = 32  # nested multiparts and messages; real mail has at most eight
PARTS_MAX: Final = 1_000  # a digest of a busy day has 200
FIELDS_MAX: Final = 1_000  # of one header; a long Received trail has 60 fields
HEADER_OCTETS_MAX: Final = 256 * 1024  # of all headers of a message that are split into fields
VALUE_OCTETS_MAX: Final = 16 * 1024  # of one field that are parsed
ADDRESSES_MAX: Final = 500  # of one header, in all its fields together
ADDRESSES_INSIDE_MAX: Final = 5_000  # of all headers of the messages inside a message
NAME_OCTETS_MAX: Final = 1_000  # of a field name; a longer one is no field (RFC 5322 §2.1.1)
BOUNDARY_OCTETS_MAX: Final = 80  # RFC 2046 §5.1.1 allows 70; the rest is not compared
TEXT_CHARACTERS_MAX: Final = 4 * 1024 * 1024  # of one message that are searched
FIELD_TEXT_OCTETS_MAX: Final = 16 * 1024  # of one field name that are kept folded for searching
ORDER_OCTETS_MAX: Final = 250  # of a text that messages are put in order by
REFERENCES_MAX: Final = 100  # ids of a message's References that join threads: its newest ones
