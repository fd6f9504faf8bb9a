"""What the broker keeps for devices: benchmarks, and offers of packs."""
