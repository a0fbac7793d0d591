"""FastAPI routes for everything but inference."""
