"""The version of the installed distribution."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "majordomo-gateway"


def _installed() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0+uninstalled"


VERSION = _installed()
