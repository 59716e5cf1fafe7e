"""Schema changes of a home server, oldest first; run by ``mx_core.db``."""
