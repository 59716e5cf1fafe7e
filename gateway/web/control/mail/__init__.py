"""Commands about mail: what waits, what comes from elsewhere, what is taken along."""
