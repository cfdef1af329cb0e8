"""Files from the net, kept in a folder of the user's, with their hashes checked."""
import hashlib
import hmac
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile

from .progbar import Progbar


def get_file(fname, origin, untar=False, md5_hash=None, file_hash=None, cache_subdir="datasets", hash_algorithm="auto",
             extract=False, archive_format="auto", cache_dir=None):
    """Path of a file from the net, downloaded unless it is there already and its hash is right.

    fname: its name here; an absolute path is taken as it is. origin: its URL.
    untar: fname is without '.tar.gz'; the archive is unpacked, and its folder is the path returned.
    md5_hash, file_hash, hash_algorithm: the hash as hex digits, by 'md5', 'sha256' or 'auto' (by its length).
    extract, archive_format: unpack 'tar', 'zip', a list of these, or 'auto' both, beside the file.
    cache_dir, cache_subdir: the folder; by default 'datasets' in KERAS_HOME or ~/.keras.
    Raises ValueError when name or archive lead out of the folder, or the hash is wrong; OSError when nothing comes.
    """
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = _cache_folder(cache_dir, cache_subdir)
    target = _inside(folder, fname)
    path = target + ".tar.gz" if untar else target
    if not (os.path.exists(path) and (file_hash is None or validate_file(path, file_hash, hash_algorithm))):
        _download(origin, path, file_hash, hash_algorithm)
    if untar:
        if not os.path.exists(target):
            _extract_archive(path, folder, "tar")
        return target
    if extract:
        _extract_archive(path, folder, archive_format)
    return path


def _cache_folder(cache_dir, cache_subdir):
    cache_dir = cache_dir or os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    cache_dir = os.path.expanduser(cache_dir)
    folder = os.path.join(cache_dir, cache_subdir)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:                                  # a home that cannot be written to
        folder = os.path.join(tempfile.gettempdir(), ".keras", cache_subdir)
        os.makedirs(folder, exist_ok=True)
    return folder


def _inside(folder, name):
    path = os.path.join(folder, name)
    if not os.path.isabs(name) and not _is_within(path, folder):
        raise ValueError(f"get_file: the name {name!r} leads out of the folder {folder}. Give a plain file name.")
    return path


def _is_within(path, folder):
    folder = os.path.realpath(folder)
    return os.path.commonpath([os.path.realpath(path), folder]) == folder


def _download(origin, path, file_hash, algorithm):
    print("Downloading data from", origin)
    # A neighbour of the file takes the data first: a half-finished download never looks like the file.
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".part")
    try:
        with os.fdopen(handle, "wb") as out:
            _fetch(origin, out)
        if file_hash is not None and not validate_file(temporary, file_hash, algorithm):
            raise ValueError(f"get_file: what {origin} sent does not have the hash {file_hash}. "
                             f"Try again, or check the hash.")
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _fetch(origin, out, chunk_size=1 << 16):
    try:
        with urllib.request.urlopen(origin, timeout=60) as response:
            total = int(response.headers.get("Content-Length") or 0) or None
            bar = Progbar(total)
            for chunk in iter(lambda: response.read(chunk_size), b""):
                out.write(chunk)
                bar.add(len(chunk))
        if total not in (None, out.tell()):          # the standard library reads on without an error
            raise OSError(f"get_file: {origin} broke off after {out.tell()} of {total} bytes. Try again.")
    except urllib.error.HTTPError as error:
        raise OSError(f"get_file: {origin} could not be fetched: {error.code} {error.msg}.") from error
    except urllib.error.URLError as error:
        raise OSError(f"get_file: {origin} could not be fetched: {error.reason}.") from error


def validate_file(fpath, file_hash, algorithm="auto", chunk_size=65535):
    """Whether the file has this hash (hex digits). algorithm: 'sha256', 'md5', or 'auto', by the hash's length.

    chunk_size: accepted for compatibility.
    """
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    return hmac.compare_digest(_hash_file(fpath, algorithm), str(file_hash).lower())


def _hash_file(fpath, algorithm="sha256", chunk_size=65535):
    with open(fpath, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


_ARCHIVES = {"tar": (tarfile.is_tarfile, tarfile.open), "zip": (zipfile.is_zipfile, zipfile.ZipFile)}


def _extract_archive(file_path, path=".", archive_format="auto"):
    """Unpack a tar or zip archive into the folder `path`. Returns whether it was one of the formats asked for."""
    if archive_format is None:
        return False
    formats = ["tar", "zip"] if archive_format == "auto" else archive_format
    for name in [formats] if isinstance(formats, str) else formats:
        is_archive, open_archive = _ARCHIVES[name]
        if is_archive(file_path):
            with open_archive(file_path) as archive:
                _unpack(archive, path)
            return True
    return False


def _unpack(archive, path):
    is_tar = isinstance(archive, tarfile.TarFile)
    for name in archive.getnames() if is_tar else archive.namelist():
        if os.path.isabs(name) or not _is_within(os.path.join(path, name), path):
            raise ValueError(f"The archive {getattr(archive, 'name', None) or archive.filename} holds {name!r}, which "
                             f"leads out of {path}: it is not unpacked.")
    # Unpacked into a folder of its own first, so that an archive that breaks off leaves nothing half done.
    with tempfile.TemporaryDirectory(dir=path) as folder:
        if is_tar:
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)
        shutil.copytree(folder, path, dirs_exist_ok=True, symlinks=True)
