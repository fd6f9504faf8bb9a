"""Erasing a person: every row, and what keeps it from coming back."""
