"""Whether the four import names are ours alone.

`gateway`, `routers`, `capture` and `trainer` are common words. Another distribution that installs a
package of one of these names would have its files mixed with ours, or shadow them; the command says
so at start instead of failing somewhere odd.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, distributions
from pathlib import Path

from gateway.version import DISTRIBUTION

NAMES = ("gateway", "routers", "capture", "trainer")
OUR_ROOT = Path(__file__).resolve().parent.parent


def conflicts() -> tuple[str, ...]:
    """Who else claims one of our names in this environment, a sentence each; empty when all is
    well."""
    return (*claimed(claims(distributions())), *shadowed(OUR_ROOT))


def claims(installed: Iterable[Distribution]) -> Mapping[str, Sequence[str]]:
    """For each of our names, the other distributions that record files under it."""
    found: dict[str, list[str]] = {}
    for distribution in installed:
        record = distribution.read_text("RECORD") or ""
        names = [name for name in NAMES if record.startswith(f"{name}/") or f"\n{name}/" in record]
        if names and distribution.name != DISTRIBUTION:  # to read a name takes longest
            for name in names:
                found.setdefault(name, []).append(distribution.name)
    return found


def claimed(by: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The claims as sentences that say what to do."""
    return tuple(
        f"the distribution {owner!r} also installs a package called {name!r}, which is one of "
        f"Majordomo's. Uninstall it (`pip uninstall {owner}`), or give Majordomo an environment "
        "of its own."
        for name, owners in by.items()
        for owner in owners
    )


def shadowed(root: Path, path: Sequence[str] | None = None) -> tuple[str, ...]:
    """Our names that Python finds somewhere else than beside this very package."""
    said: list[str] = []
    for name in NAMES:
        spec = PathFinder.find_spec(name, path)
        places = [] if spec is None else list(spec.submodule_search_locations or ())
        if not places:
            said.append(f"Majordomo's own package {name!r} is not there. Install it again.")
        elif Path(places[0]).resolve() != root / name:
            said.append(
                f"Python takes the package {name!r} from {places[0]}, not from Majordomo at "
                f"{root}. Take that directory off PYTHONPATH, or start elsewhere."
            )
    return tuple(said)
