"""`python -m scripts.demo`: four compressed weeks of a household, with real processes."""
