"""What must hold after every step: counters against owners, and what owners may do to each other."""
