"""The account's log: every change as a row, and what rows come to together."""
