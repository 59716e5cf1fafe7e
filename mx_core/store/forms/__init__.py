"""What IMAP needs of a message, prepared on arrival or soon after: as rows, and in runs of many."""
