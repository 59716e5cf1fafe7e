"""A message without the bodies that hold no text, and its form: for whoever reads its words.

What is left is where the form says, so every reader of texts finds in it what is in the whole.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate

from msgspec import structs

from mx_core.mime import part_map
from mx_core.mime.part_map import Kind, Part
from mx_core.mime.text import holds_text
from mx_core.model.message import MessageForm
from mx_core.model.octets import Octets


def without_attachments(octets: Octets, form: MessageForm) -> tuple[bytes, MessageForm]:
    """Return the octets but for leaves without text, and *form* with its parts where they are then.

    Raises:
        StoreDamaged: The form is of another version.
    """
    root = part_map.decode(form.parts)
    cuts = [
        (part.body_start, part.end)
        for part in root.walk()
        if part.kind is Kind.LEAF and not holds_text(part) and part.end > part.body_start
    ]
    starts = [start for start, _ in cuts]
    passed = [0, *accumulate(end - start for start, end in cuts)]

    def moved(at: int) -> int:
        """Return where *at*, which lies in no cut but may be an end of one, is then."""
        before = bisect_right(starts, at)
        if before and at < cuts[before - 1][1]:
            before -= 1  # the beginning of a cut
        return at - passed[before]

    def placed(part: Part) -> Part:
        return structs.replace(
            part,
            header_start=moved(part.header_start),
            body_start=moved(part.body_start),
            end=moved(part.end),
            children=tuple(placed(child) for child in part.children),
        )

    ends = [0, *(end for _, end in cuts)]
    kept = b"".join(
        octets[start:end] for start, end in zip(ends, [*starts, len(octets)], strict=True)
    )
    return kept, replace(form, parts=part_map.encode(placed(root)))
