"""Values: errors, ids, addresses, flags, names.  Pure; imports nothing of ours."""
