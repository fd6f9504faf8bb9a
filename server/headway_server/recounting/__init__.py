"""What is derived, worked out again from the records and compared."""
