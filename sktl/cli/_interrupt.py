"""Ctrl-C and SIGTERM: the end within two seconds, no half file, and an exit code that says why."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from types import FrameType

from sktl._store import remove_unfinished

GRACE = 1.0
"""Seconds in which a command that was told to stop may end by itself."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 128 + signal.SIGINT


_OVER = b"\0"


class Interrupt:
    """What a signal does to a command.

    The main thread gets KeyboardInterrupt. Code of libraries may hold it up, or swallow it: a
    thread of its own waits for the signal too, and ends the process where it goes on.

    Attributes
    ----------
    signal : int or None
        The signal that came.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._over = threading.Event()
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)

    @property
    def exit_code(self) -> int | None:
        """128 and the number of the signal, as shells have it; None if none came."""
        return None if self.signal is None else 128 + self.signal

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals, and give them back."""
        before = {each: signal.signal(each, self._handle) for each in SIGNALS}
        descriptor = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        watch = threading.Thread(target=self._watch, name="interrupt", daemon=True)
        watch.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(descriptor)
            for each, handler in before.items():
                signal.signal(each, handler)
            if self.signal is None:  # else threads may still hold up the end of the process
                self._over.set()
                self._write.send(_OVER)
                watch.join()
                self._write.close()
                self._read.close()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        first, self.signal = self.signal is None, number
        if first:  # a second one must not break what the first has begun to clear away
            raise KeyboardInterrupt

    def _watch(self) -> None:
        """Wait for a signal, which C code cannot hold up, and then for the end."""
        number = 0
        while number not in SIGNALS:
            (number,) = self._read.recv(1)
            if self._over.is_set():
                return
        time.sleep(GRACE)  # the process has ended by then, this thread with it
        with contextlib.suppress(OSError):
            remove_unfinished()
        for child in multiprocessing.active_children():
            child.kill()
        with contextlib.suppress(OSError):
            os.write(2, b"Stopped.\n")
        os._exit(128 + number)


class _Forks:
    """Forks of this process end as any other, and tell this one nothing of their signals."""

    mask: set[int | signal.Signals] | None = None

    @classmethod
    def hold(cls) -> None:
        """Keep signals back, so that none comes to a fork that still has our handlers."""
        ours = (getattr(signal.getsignal(each), "__func__", None) for each in SIGNALS)
        if Interrupt._handle in ours:
            cls.mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    @classmethod
    def go_on(cls) -> None:
        """Let signals come again."""
        if cls.mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, cls.mask)
            cls.mask = None

    @classmethod
    def reset(cls) -> None:
        """Give a fork the handlers that every process begins with."""
        if cls.mask is not None:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        cls.go_on()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_Forks.hold, after_in_parent=_Forks.go_on, after_in_child=_Forks.reset
    )


def in_main_thread() -> bool:
    """Return whether signals can be taken here."""
    return threading.current_thread() is threading.main_thread()
