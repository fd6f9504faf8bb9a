"""Recorded trips of simulated drivers, read with importlib.resources; PROVENANCE.md says how they were made."""
