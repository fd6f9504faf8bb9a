"""One process written by hand, without a pack: what the cost of running packs is measured against, and nothing else uses.

It counts what `private-driving` counts of a trip's first parts; a test holds the two to the same numbers.
"""
