"""The database: its tables, transactions, locks, and the log of what operators did."""
