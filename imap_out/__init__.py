"""IMAP, the front door for stored mail."""
