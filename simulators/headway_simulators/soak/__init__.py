"""Real agents, a real server and a real broker, killed over and over: what `headway soak` runs (docs/soak.md)."""
