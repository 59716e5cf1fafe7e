"""When the thread that writes a database has come to rest: until then no change is a lone one."""

from mx_core.db.database import Database


def come_to_rest(database: Database) -> None:
    """Return when it has done what it was given, and looked at the log; nobody else may give it more."""
    database.write_at_start(lambda _: None)
    with database._writer._turn:  # it still has it when it tells that the job is done
        pass
