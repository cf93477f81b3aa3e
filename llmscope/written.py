"""Files of answers: written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from llmscope.errors import LlmscopeError


def write(path: Path, content: str | bytes) -> None:
    """A file written beside itself and renamed.

    Raises:
        LlmscopeError: it cannot be written.
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as out:
            temporary = Path(out.name)
            out.write(content.encode() if isinstance(content, str) else content)
        temporary.chmod(0o666 & ~current_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise LlmscopeError(f"{path}: cannot be written: {error.strerror or error}") from error


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
