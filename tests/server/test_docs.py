"""The examples in the server's docstrings."""

import doctest
import importlib
import pkgutil

import pytest

import headway_server

# Run by Alembic with a connection at hand; not modules to import.
_MODULES = [m.name for m in pkgutil.iter_modules(headway_server.__path__) if m.name != "migrations"]


@pytest.mark.parametrize("name", _MODULES)
def test_examples_are_true_and_every_module_says_what_it_is(name):
    module = importlib.import_module(f"headway_server.{name}")
    assert module.__doc__
    assert doctest.testmod(module).failed == 0
