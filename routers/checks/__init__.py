"""What can be seen of a local reply before it is handed over: what speaks against it, and figures.

    looked = look(Asked(messages, tools, tool_choice), reply, finish, logprobs)

Needs no knowledge of the right answer. Linear in the request and the reply, of which no more than
fixed sizes are read; never raises.
"""

from __future__ import annotations

from routers.checks.looking import look
from routers.checks.values import NEUTRAL, Asked, Finding, Looked

__all__ = ["NEUTRAL", "Asked", "Finding", "Looked", "look"]
