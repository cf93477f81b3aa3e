"""tiktoken's encodings from the rank files in this package, never from the network.

tiktoken loads a rank file from its cache folder under the SHA-1 of the file's address, and fetches it where it is not
there. So the file is put there first: in the folder the user has set, where that has it; else in one of our own, into
which it is unpacked once. The SHA-256 are those that tiktoken itself checks (tiktoken_ext/openai_public.py).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from llmscope.errors import LlmscopeError

if TYPE_CHECKING:
    import tiktoken

ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
# What tiktoken looks at, in its order.
FOLDERS = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
LOADING = threading.Lock()


@lru_cache(maxsize=len(SHA256))
def encoding(name: str) -> tiktoken.Encoding:
    """tiktoken's encoding of this name: cl100k_base or o200k_base.

    Raises:
        LlmscopeError: tiktoken cannot be imported, the rank file in the package is damaged, or nothing can be
            written.
    """
    try:
        import tiktoken
    except ImportError as error:
        raise LlmscopeError(f"tiktoken cannot be imported: {error}", hint="pip install tiktoken") from error
    try:
        with LOADING, folder_with(name) as folder, looking_at(folder):
            return tiktoken.get_encoding(name)
    except OSError as error:
        raise LlmscopeError(
            f"no folder can be written that tiktoken could read its rank file from: {error.strerror or error}",
            hint="TMPDIR=FOLDER or XDG_CACHE_HOME=FOLDER names one that can",
        ) from error


@contextmanager
def folder_with(name: str) -> Iterator[Path]:
    """A folder in which tiktoken finds the rank file: the user's, ours, or one that lasts as long as it is needed."""
    key = hashlib.sha1(ADDRESS.format(name=name).encode()).hexdigest()
    theirs = next((os.environ[v] for v in FOLDERS if v in os.environ), "")
    if theirs and is_whole(Path(theirs) / key, name):
        yield Path(theirs)
        return
    with suppress(OSError, RuntimeError):  # no home folder, or one that cannot be written
        ours = cache_folder()
        if not is_whole(ours / key, name):
            ours.mkdir(parents=True, exist_ok=True)
            put(ours / key, unpacked(name))
        yield ours
        return
    with tempfile.TemporaryDirectory(prefix="llmscope-") as folder:
        put(Path(folder) / key, unpacked(name))
        yield Path(folder)


def cache_folder() -> Path:
    """Where rank files are unpacked to; raises RuntimeError where no home folder is known."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(place) if place and Path(place).is_absolute() else Path.home() / ".cache"
    return base / "llmscope" / "tiktoken"


def is_whole(path: Path, name: str) -> bool:
    """Whether this is the rank file, to the byte: tiktoken would throw another away and fetch it anew."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[name]
    except OSError:
        return False


def unpacked(name: str) -> bytes:
    """The rank file out of the package.

    Raises:
        LlmscopeError: it is missing, or not what OpenAI published.
    """
    try:
        packed = files("llmscope").joinpath("data", f"{name}.tiktoken.gz").read_bytes()
        data = gzip.decompress(packed)
    except (OSError, EOFError, ValueError) as error:
        raise damaged(name) from error
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        raise damaged(name)
    return data


def damaged(name: str) -> LlmscopeError:
    return LlmscopeError(
        f"the rank file {name} in llmscope's own folder is missing or damaged",
        hint="pip install --force-reinstall llmscope-toolkit",
    )


def put(path: Path, data: bytes) -> None:
    """A file written beside itself and renamed: another process sees all of it or nothing."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as out:
            temporary = Path(out.name)
            out.write(data)
        temporary.replace(path)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def looking_at(folder: Path) -> Iterator[None]:
    """tiktoken's cache folder, for as long as it loads: what the user has set stays set, and nothing else is."""
    before = os.environ.get(FOLDERS[0])
    os.environ[FOLDERS[0]] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[FOLDERS[0]]
        else:
            os.environ[FOLDERS[0]] = before
