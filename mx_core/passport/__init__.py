"""The signed log of a user: entries, chain verification, epochs, bindings.  Pure."""
