"""The fixtures that Microsoft's tests ask for: `pytest -p devtools_testutils.fixtures`."""

import os

import pytest


class EnvironmentVariables:
    """The variables of the environment; recordings would hold stand-ins for their values."""

    def get(self, name):
        """The value of a variable, which must be set."""
        return os.environ[name]

    def sanitize_batch(self, stand_ins):
        """Would hide the values of variables, given by name."""


@pytest.fixture(scope="session")
def environment_variables():
    return EnvironmentVariables()


@pytest.fixture(scope="session")
def test_proxy():
    """The proxy that would record: there is none."""


@pytest.fixture
def recorded_test():
    """The recording of one test: there is none."""
