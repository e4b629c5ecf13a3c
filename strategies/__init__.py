"""What to do next: Hypothesis strategies, rule machines, and the seeded choice that campaigns use.

The folder stands at the top of the repository and is installed as `mmfuzz.strategies`.
"""

if __name__ != "mmfuzz.strategies":
    raise ImportError(f"import mmfuzz.strategies, not {__name__}: one module, one name")
