"""Closing an epoch: what people did becomes a benchmark that tells nothing about one of them."""
