"""What the server tells a device to do: packs that it is to run, and to wipe its store; signed, and judged here."""
