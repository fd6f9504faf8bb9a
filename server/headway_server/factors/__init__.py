"""Customer factors: how far what is known of a customer tells that an activity takes longer or shorter than its level.

`learn` fits weights on earlier times, asks on later ones whether they help (`gate`), and returns what would be pushed to
devices. Weights move a forecast. Nothing of comparisons, benchmarks or scores reads them.
"""
