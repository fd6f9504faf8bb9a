"""Stand-ins for sensors, clocks, networks and people, and the `headway` command; nothing in edge or server knows them."""
