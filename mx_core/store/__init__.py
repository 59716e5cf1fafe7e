"""One account at rest: mail, outbox, pins, keys, journal."""
