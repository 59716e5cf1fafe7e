"""The first mail of a new account: a welcome that goes the whole way, and one message to the echo."""
