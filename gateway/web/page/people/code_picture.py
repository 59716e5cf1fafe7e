"""A QR code as SVG that stands in a page; the text is ours, and no markup comes of it."""

from __future__ import annotations

import segno


def code_picture(text: str) -> str:
    """Return the picture of *text*."""
    return segno.make(text, error="m").svg_inline(
        scale=4, border=4, title="QR code", omitsize=False
    )
