"""The store of a Linux device: the outbox in SQLite, and what keeps it whole."""
