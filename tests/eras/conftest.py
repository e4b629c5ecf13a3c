"""The machine of tests/kernel, for tests that take the default era."""

from tests.kernel.conftest import machine as machine
