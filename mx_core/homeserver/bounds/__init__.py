"""What bounds whom: rates, budgets, rules about peers, and the one table of all limits."""
