"""Benchmarks: each module's `figures()` yields `bench.rows.Rows`. Empty of code: MicroPython imports a part of it."""
