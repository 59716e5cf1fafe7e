"""Sealing and opening of one message for one mailbox: MXE1 and MXB1.  Pure; spec/envelope.

Knows neither who is trusted nor where a key came from: the caller brings verified epochs to
seal to, and the sender's verified signing key to open with.  Randomness is passed in.
"""
