"""Records appended to a shared file, one a line: none is lost, none runs into the next.

Many processes may append at once, and any may be killed in the middle. A line is written under
a lock by one call and reaches the disk before the call returns. What a killed writer left of a
line stays as it is: the next begins on a line of its own, and readers skip what is torn. Every
line carries the SHA-256 of the line before, torn or not, and one of its own text, so that a
changed line is noticed. Whoever can write the file can forge it from a line on to its end:
against that, keep the last line's digest elsewhere.

Files that are not shared are written whole or not at all (`write_whole`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = 1 << 16
_FAR = 1 << 40  # Windows locks bytes, and nobody can read them: one that is never written
_SEAL = ', "sha256": "{}"}}'


@dataclass(frozen=True)
class Line:
    """A line of the file.

    Parameters
    ----------
    number : int
        From 1.
    raw : bytes
        Without its end.
    record : mapping, or None
        None of a line that is torn or no JSON table.
    changed : bool
        Whether its text is not that which its own SHA-256 was made of.
    """

    number: int
    raw: bytes
    record: Mapping[str, Any] | None
    changed: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the line, which the next line carries as `before`."""
        return hashlib.sha256(self.raw).hexdigest()


def append(path: Path, record: Mapping[str, Any]) -> Line:
    """Append a record as one line, with `line`, `before` and `sha256` added; all of it or nothing.

    Parameters
    ----------
    path : path
        Made if it does not exist; its folder has to.
    record : mapping
        Anything that JSON can hold.

    Raises
    ------
    OSError
        If the line cannot be written whole and kept (a full disk, no permission): what was
        written of it is taken back.
    """
    with _opened(path) as file:
        size = os.fstat(file).st_size
        last, ended = _last(file, size)
        number = _next_number(file, last, ended) if size else 1
        before = hashlib.sha256(last).hexdigest() if size else None
        raw = _sealed({"line": number, **record, "before": before})
        text = (b"" if ended else b"\n") + raw + b"\n"
        try:
            while text:  # once, but for a disk that is filling up
                text = text[os.write(file, text) :]
            os.fsync(file)
        except OSError as e:
            os.ftruncate(file, size)
            raise OSError(e.errno, f"{e.strerror}; nothing was appended", str(path)) from e
        return Line(number, raw, json.loads(raw))


def lines(path: Path) -> Iterator[Line]:
    """The lines that stand in the file now, one after another.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if path.exists() and not path.is_file():  # a pipe could be waited for for ever
        raise OSError(errno.EINVAL, "not a file", str(path))
    with path.open("rb") as file:
        left = _settled_size(file.fileno())
        for number, raw in enumerate(file, 1):
            whole = raw[:left]
            left -= len(whole)
            if not whole:
                break
            yield _read(number, whole.removesuffix(b"\n"))


def chain_broken(before: Line | None, line: Line) -> bool:
    """Whether a line does not carry the digest of the line before; a torn one carries none."""
    if line.record is None:
        return False
    return line.record.get("before") != (before.digest if before else None)


def _sealed(record: Mapping[str, Any]) -> bytes:
    # ASCII: whatever stands in a text, a line is one line and can be encoded
    body = json.dumps(record, allow_nan=False)
    return (body[:-1] + _SEAL.format(hashlib.sha256(body.encode()).hexdigest())).encode()


def _read(number: int, raw: bytes) -> Line:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return Line(number, raw, None)
    if not isinstance(record, dict):
        return Line(number, raw, None)
    seal = _SEAL.format(record.get("sha256")).encode()
    body = raw.removesuffix(seal) + b"}"
    return Line(number, raw, record, hashlib.sha256(body).hexdigest() != record.get("sha256"))


def _last(file: int, size: int) -> tuple[bytes, bool]:
    """The last line, without its end, and whether it has one."""
    tail, at = b"", size
    while at and b"\n" not in tail[:-1]:
        start = max(at - _BLOCK, 0)
        os.lseek(file, start, os.SEEK_SET)
        tail = _take(file, at - start) + tail
        at = start
    return tail.removesuffix(b"\n").rpartition(b"\n")[2], not tail or tail.endswith(b"\n")


def _take(file: int, size: int) -> bytes:
    out = b""
    while len(out) < size and (more := os.read(file, size - len(out))):
        out += more
    return out


def _next_number(file: int, last: bytes, ended: bool) -> int:
    known = (_read(0, last).record or {}).get("line")
    if isinstance(known, int):
        return known + 1
    os.lseek(file, 0, os.SEEK_SET)  # the last line is torn: count them
    count = 1 if ended else 2
    while block := os.read(file, _BLOCK):
        count += block.count(b"\n")
    return count


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then moved there.

    Raises
    ------
    OSError
        Under the file's own name, if it cannot be written.
    """
    beside = path.parent / f".{path.stem[:40]}-{secrets.token_hex(6)}.tmp"
    try:
        with beside.open("xb") as file:  # with the rights that the user's mask gives
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException as e:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(e, OSError):
            raise OSError(e.errno, e.strerror, str(path)) from e
        raise


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The file, locked; made if need be."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    while True:
        new = not path.exists()
        file = os.open(path, flags, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise OSError(errno.EINVAL, "not a file", str(path))
            _lock(file)
            if not _is_still(path, file):  # moved or deleted while we waited
                continue
            if new:
                _sync_folder(path.parent)
            yield file
            return
        finally:
            os.close(file)  # and with it the lock goes


def _is_still(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        while True:
            try:
                return msvcrt.locking(file, msvcrt.LK_LOCK, 1)
            except OSError as e:
                if e.errno != errno.EDEADLOCK:  # it gives up after ten seconds
                    raise

    def _settled_size(file: int) -> int:
        return os.fstat(file).st_size

    def _sync_folder(folder: Path) -> None:
        pass
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _settled_size(file: int) -> int:
        """How far the file reaches while nobody is writing; what stands there stays."""
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            return os.fstat(file).st_size
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _sync_folder(folder: Path) -> None:
        """Make sure that a new file is found after a crash."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
