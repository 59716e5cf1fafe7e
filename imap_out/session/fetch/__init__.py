"""FETCH: items of messages, spelled from what was stored."""
