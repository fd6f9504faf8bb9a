"""The connection to the broker, and the handover between its thread and the event loop."""
