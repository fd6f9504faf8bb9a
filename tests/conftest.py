"""Hypothesis settings for all tests."""

import os

from hypothesis import settings

# A busy machine is no failure; the tests bound work by counting it. On CI the examples are the same in every run of the
# same code, so that a change is judged by itself; at home they are new ones every time, to find what nobody thought of.
settings.register_profile("headway", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("headway")
