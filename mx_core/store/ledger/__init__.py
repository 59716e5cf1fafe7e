"""Mail of accounts elsewhere: what was brought, so that it is brought once, and what is followed."""
