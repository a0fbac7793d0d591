"""API dialects, each in files of its own name and independent of the others."""
