"""The trainer: what makes the house better at night, and the house model it starts from."""
