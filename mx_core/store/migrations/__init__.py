"""Schema of an account's store; revisions are never edited once released."""
