"""Threads whose every step is chosen: a deterministic scheduler, models of memory, and ways to explore schedules.

Nothing here knows of pages or kernels; `mmfuzz.litmus` and `mmfuzz.race` run their programs on it.
"""
