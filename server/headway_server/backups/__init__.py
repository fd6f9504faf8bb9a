"""Copies of the database, and putting one in its place."""
