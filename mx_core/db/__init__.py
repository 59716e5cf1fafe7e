"""One way to a database: a writer thread with group commit, readers, migrations."""
