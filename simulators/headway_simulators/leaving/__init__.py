"""What leaves a device: held against the registry of fields, and told to people."""
