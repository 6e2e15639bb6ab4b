"""Which factor12 this is."""

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    try:
        return version("factor12")
    except PackageNotFoundError:
        return "0"
