"""Races: the kernel code that sequential programs run, on threads of a scheduler, under a model of memory.

`mmfuzz.race.shared` has the objects whose fields others can see change, `mmfuzz.race.kernel` the primitives; no kernel
routine is written twice.
"""
