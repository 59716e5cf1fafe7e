"""Commands about others: who is known, who may write, and what was proved."""
