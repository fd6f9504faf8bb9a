"""What the store knows, read for the API and the pages; nothing here writes."""
