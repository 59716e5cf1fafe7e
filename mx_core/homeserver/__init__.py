"""The server of a domain, ``mx-home``: ciphertext only."""
