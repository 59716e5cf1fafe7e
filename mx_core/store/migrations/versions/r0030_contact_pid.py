"""A contact is also found by its pid, without reading every pin."""

import sqlalchemy as sa
from alembic import op

from mx_core.notation import cbor

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Add the column, take it out of the pins, and index it."""
    connection = op.get_bind()
    op.execute("ALTER TABLE contact ADD COLUMN pid BLOB NOT NULL DEFAULT x''")
    for address, pin in connection.execute(sa.text("SELECT address, pin FROM contact")).all():
        fields = cbor.decode(pin)
        if isinstance(fields, dict):
            connection.execute(
                sa.text("UPDATE contact SET pid = :pid WHERE address = :address"),
                {"pid": fields[1], "address": address},
            )
    op.execute("CREATE INDEX contact_pid ON contact (pid)")
