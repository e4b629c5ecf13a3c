"""The rules of operations: a room for each family, each on top of the one before."""

from mmfuzz.model.rules.oracle import Oracle

__all__ = ["Oracle"]
