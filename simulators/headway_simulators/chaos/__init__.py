"""A whole fleet in one process, on simulated time, disks, networks and brokers, with faults from a seed; docs/chaos.md."""
