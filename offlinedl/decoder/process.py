"""The decoder's process, as those see it who ask: a line of JSON asks for a look, it asks for what it reads, and says
at last what it found."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from offlinedl.decoder.judgement import File, Look, Share
from offlinedl.errors import FEWER_FILES, OfflinedlError, StorageError, UnsupportedError

_CODE = "import sys; sys.path[:] = {!r}; from offlinedl.decoder.looking import serve; serve()"

_DOCTOR = "`offlinedl doctor` looks at it"

_PATIENCE = 120.0
"""Seconds for one look, which takes less than one: who decodes for so long does so for ever."""


class _Decoder:
    """The one process of this one, and how many want it."""

    def __init__(self) -> None:
        self._lock, self._asking = threading.Lock(), threading.Lock()
        self._wanted = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """The process runs, and is begun while something else is done; it ends with the last who wants it."""
        with self._lock:
            self._begin()
            self._wanted += 1
        try:
            yield
        finally:
            with self._lock:
                self._wanted -= 1
                if not self._wanted:
                    self._end()

    def ask(self, asked: dict[str, Any], file: File) -> dict[str, Any]:
        """What it found. What it dies of is damaged; who is killed by somebody else is asked again, once."""
        with self._asking:
            found, code = self._answer(asked, file)
            if code == -signal.SIGKILL:
                found, code = self._answer(asked, file)
            if code == -signal.SIGKILL:
                raise OfflinedlError("the decoder is killed by the system", "is there enough memory? Then run it again")
            return found or {"reason": f"the decoder dies of it ({code})"}

    def _answer(self, asked: dict[str, Any], file: File) -> tuple[dict[str, Any] | None, int]:
        """None where it ends before it answers, and its exit code."""
        with self._lock:
            process = self._begin()
        if not self._is_ready and not _pipes(process)[1].readline():
            if (code := self._end()) == -signal.SIGKILL:
                return None, code
            raise OfflinedlError("the decoder does not start", _DOCTOR)
        self._is_ready = True
        patience = threading.Timer(_PATIENCE, process.terminate)
        patience.start()
        try:
            found = _answer(asked, file, process)
        except BaseException:
            self._end()  # whoever asks next must not get this answer
            raise
        finally:
            patience.cancel()
        return found, 0 if found else self._end()

    def _begin(self) -> subprocess.Popen[bytes]:
        """It is out of the reach of Ctrl-C, and ends when its input does: with whoever began it, too."""
        if self._process is None:
            command = [sys.executable, "-I", "-S", "-c", _CODE.format(sys.path)]
            pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
            self._is_ready = False
            try:
                self._process = subprocess.Popen(  # noqa: S603 - of own words alone
                    command, stdin=pipe, stdout=pipe, stderr=nowhere, start_new_session=True
                )
            except OSError as error:
                hint = FEWER_FILES if error.errno == errno.EMFILE else _DOCTOR
                raise StorageError(f"the decoder does not start: {error.strerror}", hint) from error
        return self._process

    def _end(self) -> int:
        """The exit code: its own, where it had ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        process.communicate()
        return process.returncode


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    return cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)


def _answer(asked: dict[str, Any], file: File, process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    """None where it ends before it answers."""
    to, of = _pipes(process)
    try:
        to.write(json.dumps(asked).encode() + b"\n")
        to.flush()
        while line := of.readline():
            answer: dict[str, Any] = json.loads(line)
            if "read" not in answer:
                return answer
            at, size = answer["read"]
            file.seek(at)
            data = file.read(size)
            to.write(len(data).to_bytes(4) + data)
            to.flush()
    except BrokenPipeError:
        pass
    return None


_decoder = _Decoder()
running = _decoder.running


def look(file: File, share: Share, *, since: int, strict: bool) -> Look:
    """As decoder.look."""
    asked = {"bytes": file.seek(0, os.SEEK_END), "share": share, "since": since, "strict": strict}
    with running():
        found = _decoder.ask(asked, file)
    if "unsupported" in found:
        raise UnsupportedError(*found["unsupported"])
    if "defect" in found:
        raise OfflinedlError(f"the decoder does not work: {found['defect']}", _DOCTOR)
    size = found.get("size")
    return Look(
        reason=found["reason"],
        kinds=set(found.get("kinds", ())),
        size=(size[0], size[1]) if size else None,
        coded=found.get("coded", 0),
    )
