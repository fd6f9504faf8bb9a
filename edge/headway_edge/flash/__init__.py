"""The outbox of a microcontroller, `flash_log`, and its parts, which know nothing of what a record means but for a LOSS."""
