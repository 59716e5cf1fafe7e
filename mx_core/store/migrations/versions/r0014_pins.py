"""A pin says nothing of what the owner said of the person: that stands by pid in ``relation``."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from mx_core.notation import cbor

revision = "0014"
down_revision = "0013"

_GONE: Final = (8, 9, 10)  # what was said of the contact, and secrets that were never given


def upgrade() -> None:
    """Write the pins anew without it."""
    connection = op.get_bind()
    for address, pin in connection.execute(sa.text("SELECT address, pin FROM contact")).all():
        fields = cbor.decode(pin)
        if isinstance(fields, dict):
            kept = {key: value for key, value in fields.items() if key not in _GONE}
            connection.execute(
                sa.text("UPDATE contact SET pin = :pin WHERE address = :address"),
                {"pin": cbor.encode(kept), "address": address},
            )
