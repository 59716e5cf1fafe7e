"""What is the account's own: its keys, its settings, and what mail programs log in with."""
