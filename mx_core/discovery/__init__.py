"""From a domain name to its verified keys and endpoints."""
