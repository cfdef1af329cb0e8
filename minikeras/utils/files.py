"""Files written whole or not at all; what is said of damaged ones; checksums of arrays."""
import contextlib
import glob
import os
import platform
import stat
import zlib

import numpy as np


class DamagedFileError(OSError, ValueError):
    """A file that is damaged, or asks for what files from strangers do not get. Its message names file and item."""


@contextlib.contextmanager
def damages(what, passed=DamagedFileError):
    """Raise what goes wrong in the block as DamagedFileError of `what`; errors of classes in `passed` as they are."""
    try:
        yield
    except Exception as error:
        if isinstance(error, passed) and not isinstance(error, UnicodeError):
            raise
        raise DamagedFileError(f"{what} cannot be read ({type(error).__name__}: {error!s:.400}). It is damaged, or not "
                               f"written by Keras.") from error


@contextlib.contextmanager
def atomic_file(filepath):
    """A new binary file, open for writing and reading, which takes the place of `filepath` when the block ends without
    an error.

    Whoever looks sees the old file or the new one, never a part, whatever breaks off in between. A symbolic link stays,
    and what it points to is replaced; permissions stay. Raises OSError when the file cannot be there.
    """
    target = os.path.realpath(filepath)
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{filepath} cannot be saved: there is no folder {folder}.")
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(f"{filepath} cannot be saved: {target} is no file, and is not replaced by one.")
    neighbours = os.path.join(folder, f"{name[:100]}.{platform.node()[:50]}.")
    _remove_leftovers(neighbours)
    temporary = f"{neighbours}{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "xb+") as file:
            yield file
            file.flush()
            if os.path.exists(target):
                os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(folder)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _remove_leftovers(neighbours):
    """Remove what saves to the same place left that were killed: the names tell the process."""
    for path in glob.glob(f"{glob.escape(neighbours)}*.tmp") if os.name == "posix" else ():
        with contextlib.suppress(OSError, ValueError):
            try:
                os.kill(int(path.split(".")[-3]), 0)
            except ProcessLookupError:
                os.unlink(path)


def _sync_folder(path):
    """Have the operating system write the entries of a folder to the disk."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def checksum(array):
    """CRC-32 of an array: of dtype and shape as text, such as <f4(2, 3), then of its bytes, little endian, C order."""
    array = np.asarray(array)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    return zlib.crc32(array.reshape(-1).view("uint8"), zlib.crc32(f"{array.dtype.str}{array.shape}".encode()))


def check_sum(array, expected, where):
    """The array, if its checksum is what is expected, or nothing (None) is. Raises DamagedFileError."""
    if expected is not None and checksum(array) != expected:
        raise DamagedFileError(f"{where} is damaged: its checksum is not the one that was saved with it.")
    return array


class Steady:
    """A binary stream for HDF5, which sees none of its failures: a file that it could not close it would keep open, and
    touch again in the middle of a later save, when the stream is closed.

    The first OSError is kept, nothing more is asked of the stream, and the error is raised at the end of the block.
    """

    def __init__(self, stream):
        self.error = None
        for name in ("seek", "tell", "readinto", "read", "write", "truncate", "flush"):
            setattr(self, name, self._kept(getattr(stream, name)))

    def _kept(self, method):
        def call(*args):
            if self.error is None:
                try:
                    return method(*args)
                except OSError as error:
                    self.error = error
            return 0

        return call

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.error is not None:
            raise self.error
