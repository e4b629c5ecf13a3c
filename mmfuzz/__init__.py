"""Property-based fuzzing of how Linux counts references to pages."""

__version__ = "0.1.0"
