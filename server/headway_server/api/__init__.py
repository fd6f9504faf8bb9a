"""The HTTP API, an area a file, with the shapes of its answers."""
