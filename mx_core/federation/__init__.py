"""Home server to home server: the calling side and the proofs."""
