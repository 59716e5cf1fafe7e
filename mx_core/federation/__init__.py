"""Home server to home server, over mutual TLS.  docs/spec/federation.md."""
