"""What mail programs are told so that nobody types a port: files in each program's own form.

Pure.  Knows how each program quotes; knows nothing of accounts, keys or the network.
"""
