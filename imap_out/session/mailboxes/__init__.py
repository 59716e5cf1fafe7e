"""The commands about mailboxes as a whole."""
