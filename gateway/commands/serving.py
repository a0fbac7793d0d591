"""Running the gateway from the command line: its loop, its log, and what stops it from starting."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from capture.journal import JournalError, JournalLocked
from capture.store import StoreError
from gateway import ownership
from gateway.client import running
from gateway.commands.console import clean, console, fail
from gateway.config import load_file
from gateway.config_errors import ConfigErrors
from gateway.home import Home
from gateway.keys import KeysError
from gateway.logfile import start_logging, stop_logging
from gateway.serve import OnReady, ServeError, serve


def refuse_shared_names() -> None:
    """Fail when another distribution owns one of our import names."""
    found = ownership.conflicts()
    if found:
        fail("\n".join(found))


def run_gateway(home: Home, host: str | None, port: int | None, on_ready: OnReady) -> None:
    """Serve until told to stop. Fails with what to do about it when it cannot."""
    try:
        settings = load_file(home.settings).settings
    except ConfigErrors as error:
        fail(_mend(error))
    try:
        start_logging(home.logs, settings.log)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(home, host=host, port=port, on_ready=on_ready))
    except ConfigErrors as error:
        fail(_mend(error))
    except JournalLocked as error:
        fail(_already(home) or f"{error}\nTwo gateways cannot serve one home.")
    except ServeError as error:
        wanted = port if port is not None else settings.server.port
        fail(_address_trouble(home, str(error), wanted))
    except (JournalError, StoreError, KeysError, OSError) as error:
        fail(f"cannot serve {home.root}: {error}")
    finally:
        stop_logging()


def _mend(error: ConfigErrors) -> str:
    return "\n".join(
        [*error.lines, "Mend that and start again; `majordomo config check` says when it is right."]
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop where it is installed, which is everywhere but on other Pythons than CPython."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _address_trouble(home: Home, message: str, port: int) -> str:
    if "cannot listen" not in message or port == 0:
        return message
    already = _already(home, port)
    if already is not None:
        return already
    from gateway.listening import who_listens

    who = who_listens(port)
    return message if who is None else f"{message}\nThere is {who}."


def _already(home: Home, port: int | None = None) -> str | None:
    """That this very home is served already (on `port`), and by whom; None when it is not."""
    who = running(home)
    if who is None or (port is not None and not who.base_url.endswith(f":{port}")):
        return None
    return (
        f"Majordomo already serves {home.root}: process {who.pid}, at {who.base_url}.\n"
        f"`majordomo status` says how it does; `kill {who.pid}` stops it."
    )


def warn(text: str) -> None:
    """One line on standard error that stops nothing."""
    console(error=True).print(f"[yellow]note:[/] {clean(text)}")
    sys.stderr.flush()
