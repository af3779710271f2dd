"""How an older database becomes the present one.

Each migration is one transaction; `user_version` counts those that were applied. A database of a newer offlinedl is
refused and left as it is.
"""

from __future__ import annotations

import sqlite3

from offlinedl.catalog.schema import MIGRATIONS
from offlinedl.errors import UsageError


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an open database to the present version, each step in a transaction of its own."""
    version = _version(connection)
    while version < len(MIGRATIONS):
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            version = _version(connection)  # another process may have been here while this one waited
            if version < len(MIGRATIONS):
                for statement in MIGRATIONS[version].split(";\n"):
                    connection.execute(statement)
                version += 1
                connection.execute(f"PRAGMA user_version = {version}")


def check_version(connection: sqlite3.Connection) -> None:
    """Refuse a database of a newer offlinedl, before anything is written to it."""
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise UsageError(
            f"the catalog has version {version}; this offlinedl knows versions up to {len(MIGRATIONS)}",
            "it was written by a newer offlinedl: use that one. Nothing was changed",
            code="catalog-too-new",
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
