"""The mail of one account, behind ``ports.MailStore``: jobs that read and write, and who is told."""
