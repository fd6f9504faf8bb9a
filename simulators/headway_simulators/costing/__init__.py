"""Service costing: how long the next activity of a service takes, for whom, and what that costs.

`event_log` is what all readers give, `reading` finds the reader for a file, `rolling` runs the device's models over it one
step ahead, `evaluation` puts the comparison together. What a customer's factors are worth is learned in
`headway_server.factors`.
"""
