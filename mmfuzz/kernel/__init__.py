"""A simulated kernel's memory management: counters, page tables, and the steps that keep them in agreement."""
