"""Kernels of other eras: the newest kernel, with the routines that were different then put in their place."""

from mmfuzz.kernel.eras.assemble import assemble

__all__ = ["assemble"]
