"""The command line of ``mx-home``, and what it does without a running server."""
