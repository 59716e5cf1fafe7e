"""Deterministic CBOR, hashes and signatures in the notation of identity §1.  Pure."""
