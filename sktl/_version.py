"""The version of sktl, in one place, and those of the packages that a result depends on."""

from __future__ import annotations

__version__ = "0.2.0.dev0"


def _installed_version(package: str) -> str | None:
    """Return the version of an installed package, or of its CPU build, or None."""
    from importlib.metadata import PackageNotFoundError, version

    for distribution in (package, f"{package}-cpu"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None


def versions(*packages: str) -> dict[str, str | None]:
    """Return the versions of sktl, of Python and of packages; None for one that is not there."""
    import platform

    found = {"sktl": __version__, "python": platform.python_version()}
    return found | {package: _installed_version(package) for package in packages}
