"""The fleet server: one write path (ingest), one publishing rhythm (epoch close), and what people see of both.

Modules are imported by name. `service.serve` runs everything in one process; `ingest.Ingest` and `epochs` need only a
database and can be used, and are tested, without a broker.
"""
