"""Hypothesis settings for every test that runs in one session with these."""

from hypothesis import settings

# A busy machine is no failure; the tests bound work by counting it.
settings.register_profile("headway", deadline=None)
settings.load_profile("headway")
