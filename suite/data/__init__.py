"""Tables on disk: what they are made of, download, checks, memory-mapped columns."""

from nasrepro.suite.data.files import (
    atomic_write,
    lock,
    plain,
    sha256_file,
    stable_hash,
    write_text,
)
from nasrepro.suite.data.sources import check_file, fetch_file, fetch_table, open_table
from nasrepro.suite.data.spec import (
    DATA_VARIABLE,
    MIRROR_VARIABLE,
    ORIGIN,
    Columns,
    Progress,
    SourceFile,
    TableSpec,
    cache_dir,
)
from nasrepro.suite.data.table import (
    LAYOUT,
    Table,
    content_sha256,
    withheld,
    withhold,
    write_table,
)

__all__ = [
    "DATA_VARIABLE",
    "LAYOUT",
    "MIRROR_VARIABLE",
    "ORIGIN",
    "Columns",
    "Progress",
    "SourceFile",
    "Table",
    "TableSpec",
    "atomic_write",
    "cache_dir",
    "check_file",
    "content_sha256",
    "fetch_file",
    "fetch_table",
    "lock",
    "open_table",
    "plain",
    "sha256_file",
    "stable_hash",
    "withheld",
    "withhold",
    "write_table",
    "write_text",
]
