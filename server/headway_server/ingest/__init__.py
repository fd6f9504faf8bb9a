"""The one write path: from a message to rows, totals and an acknowledgement, in one transaction."""
