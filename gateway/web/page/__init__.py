"""The page: what a browser of the same person shows of this gateway.  docs/spec/page.md."""
