"""Compiling a loop once: for all processes of a user, whatever has become of what was kept."""

# mypy: disable-error-code="misc, no-untyped-call"

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from numba import config, njit
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock

from kg.compiling.folder import folder_of


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return what compiles a function when it is first called: numba's `njit` with these options.

    It is free of Python's lock while it runs.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, **options)(function)
        if not config.DISABLE_JIT:
            _keep(dispatcher, function)
        return dispatcher

    return decorate


def _keep(dispatcher: Any, function: Callable[..., Any]) -> None:
    plain = dispatcher.compile
    folder = folder_of(function.__module__)
    if folder is not None:
        dispatcher._cache = _kept(function, folder)

    def compile_alone(signature: Any) -> Any:
        # numba's own lock first, always: else one thread may hold either and wait for the other.
        with global_compiler_lock:
            if folder is None:
                _say_first(kept=False)
                return plain(signature)
            with _one_process(folder):
                return plain(signature)

    dispatcher.compile = compile_alone


class _Kept(FunctionCache):
    """What numba keeps of a function, for which a file that is empty, cut or gone is no file."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            overload = super().load_overload(sig, target_context)
        except Exception:  # whatever unpickling half a file raises
            overload = None
            with suppress(OSError):
                self.flush()
        if overload is None:
            _say_first(kept=True)
        return overload

    def save_overload(self, sig: Any, data: Any) -> None:
        # On a full disk it is compiled, and will be again.
        with suppress(OSError):
            super().save_overload(sig, data)


def _kept(function: Callable[..., Any], folder: Path) -> _Kept:
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        return _Kept(function)
    finally:
        config.CACHE_DIR = before


@contextmanager
def _one_process(folder: Path) -> Iterator[None]:
    """Let no two processes compile for a folder at once: the second finds there what the first has made."""
    lock = _lock(folder)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            _say("Waiting for another kg that compiles its loops.")
            lock.acquire()
    except (OSError, NotImplementedError):  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        lock.release()


@cache
def _lock(folder: Path) -> FileLock:
    # One object, which may be acquired anew while it is held: a loop's compilation compiles what it calls.
    return FileLock(folder / ".lock", thread_local=False)


@cache
def _say_first(*, kept: bool) -> None:
    """Say, once, what takes a minute before the first step."""
    text = "Compiling kg's loops for this CPU, which takes a minute or two"
    if kept:
        _say(f"{text}, the first time.")
    else:
        _say(f"{text}, each time: set KG_HOME, or NUMBA_CACHE_DIR, to a folder that can be written.")


@cache
def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
