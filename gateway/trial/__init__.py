"""Only trying: a domain of this computer, served by a home server of its own behind the gateway."""
