"""The link of a Linux device to its broker, and what is said over it."""
