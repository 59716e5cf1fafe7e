"""What a message consists of, as octet offsets and finished IMAP answers.  Pure and bounded.

``prepare.prepare`` is called once a message; everything later works from its result.
Refuses to know: where octets are stored, what a mailbox is.  Never raises on any octets.
"""
