"""What IMAP needs of a message, prepared on arrival: as rows, and in runs of many."""
