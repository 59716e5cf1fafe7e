"""Everything the index holds."""

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = (
    # One row.  format: of words and blocks; another one is a reason to begin anew.  device: of
    # the store that was indexed.  indexed_until: all messages below this id are in a run, or
    # in ``unread``, or gone.
    """CREATE TABLE state (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        format INTEGER NOT NULL,
        device BLOB NOT NULL,
        indexed_until INTEGER NOT NULL
    )""",
    # The messages first_message ≤ id < end_message, of which *messages* were there.
    # phase: 0 being written, 1 whole, 2 to be removed.
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        phase INTEGER NOT NULL,
        first_message INTEGER NOT NULL,
        end_message INTEGER NOT NULL,
        messages INTEGER NOT NULL,
        blocks INTEGER NOT NULL,
        octets INTEGER NOT NULL,
        written INTEGER NOT NULL
    )""",
    # The id is the run's, times 2^20, and the block's number in it.  The words first: a search reads no further.
    "CREATE TABLE block (id INTEGER PRIMARY KEY, words BLOB NOT NULL, postings BLOB NOT NULL)",
    # The id is the run's, times 2^20, and group * 256 + slice.
    "CREATE TABLE gram (id INTEGER PRIMARY KEY, bits BLOB NOT NULL)",
    # Messages whose octets could not be read: the scan says what is wrong with them.
    "CREATE TABLE unread (message INTEGER PRIMARY KEY)",
)


def upgrade() -> None:
    """Make every table."""
    for statement in _STATEMENTS:
        op.execute(statement)
