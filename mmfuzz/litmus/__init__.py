"""Litmus tests in the kernel's C style: read from text, explored under each model of memory.

The format is that of tools/memory-model in the Linux sources, which herd7 reads; tests/litmus has some to look at.
"""

from mmfuzz.litmus.parser import parse_litmus, read_litmus
from mmfuzz.litmus.run import LitmusResult, State, run_litmus
from mmfuzz.litmus.syntax import LitmusTest

__all__ = ["LitmusResult", "LitmusTest", "State", "parse_litmus", "read_litmus", "run_litmus"]
