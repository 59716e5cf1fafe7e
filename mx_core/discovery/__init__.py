"""From a domain name to its keys and endpoints.  docs/spec/discovery.md."""
