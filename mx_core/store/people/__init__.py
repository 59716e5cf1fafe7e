"""Whom the account knows: pins and secrets, what the owner said of them, and who invited whom."""
