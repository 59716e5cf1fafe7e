"""The bounded MIME scanner and the prepared IMAP forms.  Pure."""
