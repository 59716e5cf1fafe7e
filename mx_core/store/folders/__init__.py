"""Folders with behaviour: mailboxes that show mail of other mailboxes.  docs/spec/folders.md."""
