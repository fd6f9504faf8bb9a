"""What is the person's own: totals, history, forecasts, consumables, kept on the device."""
