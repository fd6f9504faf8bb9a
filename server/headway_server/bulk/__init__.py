"""Many trips at once: what `headway_edge.core.episode` computes sample by sample, over whole arrays and to the same integer.

`engine.BulkEngine` is the way in. A vehicle's samples pass the gatekeeper (`gatekeeper`, `cuts`, `disordered`), become the
rows of trips (`trip_rows`), over which the pack's expressions are evaluated (`program`, `expressions`, `looking_back`) and
folded into accumulators (`accumulators`) and events (`firings`). `days.BulkDays` does the same for persons' days: which epochs
count in which day the device's own core tells (`gated_days`), and windows are of epochs (`day_windows`).
"""
