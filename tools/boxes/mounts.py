"""What a box shows of the file system: the system's programs, the toolchains, one work tree, one private folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.boxes.sandbox import Policy
from tools.boxes.toolchains import toolchains

SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""At the top of the file system: links into /usr, or folders of their own."""
ETC = (
    *("alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version", "fonts"),
    *("group", "host.conf", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf"),
    *("localtime", "mime.types", "nsswitch.conf", "os-release", "passwd", "pki/ca-trust/extracted", "pki/tls/certs"),
    *("protocols", "services", "ssl/certs", "ssl/openssl.cnf", "timezone"),
)
"""What programs need to run at all. No private keys and no configuration that may hold a password."""
IN_MEMORY = ("dev/shm", "tmp", "var/tmp")
NOWHERE = Path("/nowhere")
TEMPORARY_BYTES = 1 << 30
"""The most that each of the places for temporary files in memory may hold."""


def mounts(argv: Sequence[str], policy: Policy) -> list[str]:
    """Return what bubblewrap must show for `argv`; later ones lie over earlier ones."""
    return [
        *system(),
        *_binds("--ro-bind-try", toolchains(argv[0], policy)),
        *_binds("--ro-bind-try", policy.readable),
        *_binds("--bind", [policy.root]),
        *_binds("--ro-bind", policy.guarded),
        *_binds("--bind", policy.writable),
        *_binds("--bind", [policy.folder]),
        *("--remount-ro", "/"),
    ]


def sealed(program: str, readable: Sequence[Path]) -> list[str]:
    """Return what bubblewrap must show for a program that only computes: it writes nowhere, not even in memory."""
    nowhere = Policy(NOWHERE, NOWHERE, {})
    return [
        *system(),
        *_binds("--ro-bind-try", toolchains(program, nowhere)),
        *_binds("--ro-bind-try", readable),
        *(word for name in (*IN_MEMORY, "dev", "") for word in ("--remount-ro", f"/{name}")),
    ]


def system() -> list[str]:
    """Return what every box shows."""
    return [
        *("--ro-bind", "/usr", "/usr"),
        *(word for name in SYSTEM for word in _top(name)),
        *_binds("--ro-bind-try", [Path("/etc", name) for name in ETC]),
        *_binds("--ro-bind-try", [Path("/nix/store")]),
        *("--proc", "/proc", "--dev", "/dev", "--dir", "/run"),
        *(word for name in IN_MEMORY for word in _in_memory(f"/{name}")),
    ]


def _top(name: str) -> Sequence[str]:
    place = Path("/", name)
    if place.is_symlink():
        return ("--symlink", str(place.readlink()), str(place))
    return ("--ro-bind-try", str(place), str(place))


def _in_memory(place: str) -> Sequence[str]:
    return ("--size", str(TEMPORARY_BYTES), "--tmpfs", place)


def _binds(how: str, places: Sequence[Path]) -> Iterator[str]:
    for place in places:
        yield from (how, str(place), str(place))
