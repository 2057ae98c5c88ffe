"""`habitus engine`: one detached process that serves one model.

Joins the rooms of the engine: workshop, scheduler, server. Usually started by
`launch.ensure_engine`, which passes on the lock that it holds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from habitus_server.engine.address import Address
from habitus_server.engine.launch import busy_marker, engine_key, engine_socket
from habitus_server.engine.scheduler import Scheduler
from habitus_server.engine.server import Server, crash
from habitus_server.engine.shelf import Shelf
from habitus_server.engine.workshop import Workshop
from habitus_server.errors import HabitusError
from habitus_server.workspaces import state_dir, try_lock

_log = logging.getLogger("habitus.engine")


def main(argv: Sequence[str] | None = None) -> int:
    """Run an engine until it is idle for long or told to end."""
    options = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    try:
        state = state_dir(options.state)
        socket_path = engine_socket(state, options.model, options.device)
        lock = options.lock_fd
        if lock is None:
            lock = try_lock(socket_path.with_suffix(".lock"))
            if lock is None:
                _log.error("An engine for %s runs already.", options.model)
                return 1
            socket_path.unlink(missing_ok=True)
        os.set_inheritable(lock, False)
        return asyncio.run(_run(options, socket_path))
    except HabitusError as error:
        _log.error("%s", error)
        return 1


async def _run(options: argparse.Namespace, socket_path: Path) -> int:
    marker = busy_marker(socket_path)
    address = Address(socket_path)
    workspaces = state_dir(options.state) / "workspaces"
    workshop = Workshop(
        options.model,
        options.device,
        threads=options.threads,
        allow_hub=not options.no_hub,
        shelf=Shelf(workspaces, engine_key(options.model, "")),
    )
    scheduler = Scheduler(
        workshop,
        model=options.model,
        unload_after_s=options.unload_after_s,
        on_work=lambda: _touch(marker, workshop.device),
        on_crash=lambda: crash(address),
    )
    server = Server(address, scheduler, workshop.intake, exit_after_s=options.exit_after_s)
    workshop.on_lesson = scheduler.want_study
    return await server.run(on_listening=scheduler.start)


def _touch(marker: Path, device: str) -> None:
    """Tell the learner that someone is being served, and where.

    It yields while this is young, and trains on another GPU if there is one.
    """
    with contextlib.suppress(OSError):
        told = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(told, device.encode())
        finally:
            os.close(told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="habitus engine", description=__doc__)
    parser.add_argument("--state", type=Path, default=None, help="the state folder")
    parser.add_argument("--model", default="embedded", help="`embedded`, a folder or a Hub id")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=0, help="0: one per physical core")
    parser.add_argument("--unload-after-s", type=float, default=900.0)
    parser.add_argument("--exit-after-s", type=float, default=3600.0)
    parser.add_argument("--no-hub", action="store_true", help="never download a model")
    parser.add_argument("--lock-fd", type=int, default=None, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
