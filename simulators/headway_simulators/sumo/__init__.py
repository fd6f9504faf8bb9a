"""A synthetic town driven with Eclipse SUMO, and the recorder that turns it into trip CSV files."""
