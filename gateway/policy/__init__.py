"""Who may be written to how: the person's rules, and what follows from them.  Pure.  spec/policy."""
