"""What trips add up to, and the calendar that they are added up by."""
