"""Recorded requests met again, one by one, by the router as it is: what it would have cost.

The router is `routers.brain`, never a copy; the harness only shows it what a gateway would see.
"""
