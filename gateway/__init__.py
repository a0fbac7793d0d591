"""The wire: bytes and processes between agents and models."""
