"""Two IMAP servers on one machine, asked the same in turns: ours, and the Dovecot of Debian."""
