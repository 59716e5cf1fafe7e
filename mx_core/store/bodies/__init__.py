"""Octets at rest: in rows, compressed, or in files of sealed chunks."""
