"""`python -m headway_simulators` is the `headway` command."""

from headway_simulators.command import main

main()
