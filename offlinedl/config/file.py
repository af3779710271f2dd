"""`config.toml`: what it says, and how it is changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from offlinedl.config.settings import KNOWN, SYSTEMS, TABLES, WITHIN, Check, Settings
from offlinedl.errors import StorageError, UsageError


def settings(path: Path) -> Settings:
    """The settings of a file; one that is not there says nothing. What is wrong is named with its place."""
    values = said(path)
    plain = {KNOWN[name].attribute: value for name, value in values.items() if name in KNOWN}
    qualities: dict[str, dict[str, int]] = {}
    cdm: dict[str, tuple[str, ...]] = {}
    for (table, name, own), value in ((name.split("."), value) for name, value in values.items() if name not in KNOWN):
        if table == "quality":
            qualities.setdefault(name, {})[own] = value
        else:
            cdm[name] = value
    return Settings(**plain, qualities=qualities, cdm=cdm)


def said(path: Path) -> dict[str, Any]:
    """What a file says, by full names ("download.audio"), each value as Settings has it."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "correct the file") from error
    found: dict[str, Any] = {}
    for name, value in _named(path, document):
        try:
            found[name] = _check(name)(value)
        except ValueError as error:
            raise _wrong(path, name, str(error)) from error
    return found


def _named(path: Path, document: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The values of all tables, and of those within them, by full names."""
    for table, own in document.items():
        if table not in TABLES:
            raise _wrong(path, table, "no such table")
        if not isinstance(own, dict):
            raise _wrong(path, table, "not a table")
        for name, value in own.items():
            whole = f"{table}.{name}"
            if table not in WITHIN:
                yield whole, value
                continue
            if table == "cdm" and name not in SYSTEMS:
                raise _wrong(path, whole, f"no such system; adapters are for {', '.join(SYSTEMS)}")
            inner = value.keys() if isinstance(value, dict) else {""}
            if not inner <= WITHIN[table].keys() or (table == "cdm" and not inner):
                raise _wrong(path, whole, f"takes {' and '.join(WITHIN[table])}")
            yield from ((f"{whole}.{each}", value[each]) for each in inner)


def names() -> list[str]:
    """Every setting that has one name alone."""
    return list(KNOWN)


def of(settings: Settings, name: str) -> Any:
    """The value of a setting by its full name, None where it has none. UsageError where there is no such setting."""
    if name in KNOWN:
        return getattr(settings, KNOWN[name].attribute)
    _checked_name(name)
    table, name, own = name.split(".")
    return settings.qualities.get(name, {}).get(own) if table == "quality" else settings.cdm.get(name)


@contextmanager
def changed(path: Path, name: str, text: str | None) -> Iterator[Path]:
    """A file beside that at `path`, which takes its place when the block ends well: with `text` as the value of a
    setting, or, with None, without it. Remarks stay. `text` is what people write: a list is one word, or several with
    commas between. UsageError where it is no such value."""
    content = _with(path, name, text)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with part.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield part
        part.replace(path)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}", "is there room, and may you write there?"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _with(path: Path, name: str, text: str | None) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    _checked_name(name)
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise UsageError(f"cannot read {path}: {error}", "correct the file") from error
    *tables, own = name.split(".")
    table: Any = document
    for each in tables:
        table = table.setdefault(each, tomlkit.table())
    if text is not None:
        table[own] = _meant(name, text)
    elif own in table:
        del table[own]
    return tomlkit.dumps(document)


def _meant(name: str, text: str) -> object:
    """The value of TOML that a person means."""
    meanings: list[object] = [text, {"true": True, "false": False}.get(text)]
    for number in (int, float):
        with suppress(ValueError):
            meanings.append(number(text))
    if name.endswith((".command", ".when")):
        import shlex

        meanings.append(shlex.split(text))
    meanings.append([word.strip() for word in text.split(",") if word.strip()])
    wrong: ValueError | None = None
    for meaning in meanings:
        try:
            _check(name)(meaning)
        except ValueError as error:
            wrong = error
        else:
            return meaning
    raise UsageError(f"{name} {text}: {wrong}", "`offlinedl config show` has what is set now") from wrong


def _check(name: str) -> Check:
    table, own = name.split(".", maxsplit=1)[0], name.rsplit(".", maxsplit=1)[-1]
    if name in KNOWN:
        return KNOWN[name].check
    if name.count(".") == 2 and own in WITHIN.get(table, {}):
        return WITHIN[table][own]
    raise ValueError("no such setting")


def _checked_name(name: str) -> None:
    try:
        _check(name)
    except ValueError as error:
        raise UsageError(f"{name}: {error}", "`offlinedl config show` names them all") from error


def _wrong(path: Path, name: str, what: str) -> UsageError:
    return UsageError(f"{path}: {name}: {what}", "correct the file")
