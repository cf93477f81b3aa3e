"""What a person asked for besides the question: the shared options, resolved once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmscope.bounds import keep_to
from llmscope.config import STORE, Config, read_config
from llmscope.errors import UsageError

if TYPE_CHECKING:
    from llmscope.load import LoadOptions
    from llmscope.logs import Logs
    from llmscope.store import Store

ALL_TABLES = ("requests", "spans", "scores", "traces", "vectors")
# In the environment, one value a line.
REPEATABLE = ("map", "fail_if")
Say = Callable[[str], None]


@dataclass
class Asked:
    """Flags and environment as given (None where silent), over llmscope.toml."""

    paths: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    say: Say = lambda text: None
    progress: Callable[[str, int, int], None] | None = None
    raw_text: bool = False  # a question that stores nothing reads texts as they are

    @cached_property
    def config(self) -> Config:
        return read_config(self.options.get("config"))

    def get(self, name: str, default: Any = None) -> Any:
        """A shared option: flag or environment, else the configuration, else the default."""
        value = self.options.get(name)
        if not value and name in REPEATABLE:
            value = [
                line.strip() for line in os.environ.get(f"LLMSCOPE_{name.upper()}", "").splitlines() if line.strip()
            ]
        if value is None or value == () or value == []:
            value = getattr(self.config, name, None)
        return default if value is None or value == () else value

    @property
    def store_name(self) -> str:
        """The store as it was named: a file, or the folder or URL of a lake."""
        return str(self.get("store", STORE))

    @property
    def asks_of_rows(self) -> bool:
        """Whether columns or gates name what only rows tell: users and sessions; a gate, also exact quantiles."""
        gates = " ".join(self.get("fail_if", ())).lower()
        named = f"{self.options.get('columns') or ''} {gates}".lower()
        return "user" in named or "session" in named or re.search(r"\bp\d|_p\d", gates) is not None

    @property
    def store_path(self) -> Path:
        return Path(self.store_name)

    @property
    def pricing_path(self) -> Path | None:
        path = self.get("pricing")
        return Path(path) if path else None

    def store(self, read_only: bool = True, memory: str | None = None) -> Store:
        """The store, for a command about the store itself."""
        from llmscope.lake import is_lake
        from llmscope.logs import no_store
        from llmscope.store import Store

        if is_lake(self.store_name):
            raise UsageError(f"{self.store_name}: a lake", hint="this command is about a store in one file")
        if read_only and not self.store_path.exists():
            raise no_store(self.store_path)
        memory = memory or self.get("memory")
        return Store(self.store_path, self.get("wait", 30.0), read_only, memory, on_wait=self.say)

    def keep_bounds(self) -> None:
        """Has this process keep to the memory, threads and temporary directory asked for."""
        keep_to(self.get("memory"), self.get("threads"), self.get("temp"))

    @cached_property
    def load_options(self) -> LoadOptions:
        """How files are read."""
        from llmscope.load import Limits, LoadOptions
        from llmscope.load.mapping import parse
        from llmscope.windows import zone

        most = self.get("max_bad")
        if most is not None and not 0 <= most <= 100:
            raise UsageError("--max-bad takes a percentage, 0 to 100")
        return LoadOptions(
            maps=parse(self.get("map", ())),
            source=self.get("source"),
            source_tz=zone(self.get("source_tz", "UTC")).key,
            keep_text="raw" if self.raw_text else bool(self.get("keep_text", False)),
            limits=Limits(bool(self.get("strict", False)), most),
        )

    def open(self, tables: tuple[str, ...] | None = None, unread: tuple[str, ...] = ()) -> Logs:
        """The logs named, or the store, in the window asked for; of files, only what the question looks at."""
        from llmscope.opening import open_logs
        from llmscope.schema import DIMENSION_COLUMNS
        from llmscope.windows import window_of

        named = f"{self.options.get('by') or ''} {self.get('where') or ''} {self.get('by') or ''}".lower()
        timed = ("ended_at", "latency_ms") if "timing_quality" in named else ()
        # Of whatever is asked, rows that stand for others have to say so.
        unread = tuple(column for column in unread if column not in (*timed, "sample_weight"))
        words = {column: word for word, column in DIMENSION_COLUMNS.items()}
        left = frozenset(
            c for c in unread if c not in named and words.get(c, c) not in named and c.rstrip("s") not in named
        )
        reading = replace(self.load_options, tables=tables or ALL_TABLES, unread=left)
        return open_logs(
            self.paths,
            store=self.store_name,
            window=window_of(self.get("since"), self.get("until"), self.get("tz", "UTC")),
            where=self.get("where"),
            config=self.config,
            pricing=self.pricing_path,
            options=reading,
            with_store=bool(self.options.get("with_store")),
            wait_s=self.get("wait", 30.0),
            progress=self.progress,
            on_wait=self.say,
            engine=self.get("engine"),
            spark_url=self.get("spark_url"),
            exact=bool(self.options.get("exact")) or self.asks_of_rows,
        )
