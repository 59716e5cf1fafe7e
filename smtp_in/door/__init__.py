"""The door of a domain: ordinary mail on port 25, judged, sealed in memory, and forgotten."""
