"""Where programs run: each target starts, applies operations, shows counters, and stops."""
