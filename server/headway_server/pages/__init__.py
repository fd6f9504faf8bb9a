"""The pages that operators see, and their charts."""
