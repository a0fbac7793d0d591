"""`majordomo.yaml` read, checked and turned into `Settings`.

What comes out is whole and consistent; anything else is `ConfigErrors` with all that is wrong.
"""

from __future__ import annotations

import hashlib
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from gateway import config_checks
from gateway.config_checks import Remark
from gateway.config_errors import ConfigErrors, Finding, field_findings
from gateway.config_salvage import Salvage, without_nulls
from gateway.settings import Settings
from gateway.yaml_source import MAX_BYTES, Mark, Source, SourceError, read_yaml
from gateway.yaml_source import Path as SettingPath

RESTART_ONLY: tuple[SettingPath, ...] = (
    ("server", "host"),
    ("server", "port"),
    ("server", "limits", "header_bytes"),
    ("server", "limits", "header_seconds"),
    ("server", "limits", "body_seconds"),
    ("server", "drain_seconds"),
    ("retries", "budget_ratio"),
    ("capture", "sync_ms"),
    ("capture", "segment_bytes"),
    ("capture", "keep_segments"),
    ("log", "level"),
    ("log", "file_bytes"),
)
"""Settings that are read once, at start; a change waits for the next one."""

_ROUNDS = 8
"""Each round takes away what is invalid; what needed it goes in the next. Three levels nest."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One load of the settings file."""

    settings: Settings
    generation: int
    """1 for the load at start; one more for each change taken since."""
    source_hash: str
    """SHA-256 of the file's bytes, in hex."""
    loaded_at: float
    """Unix seconds."""
    warnings: tuple[str, ...] = ()
    """Things probably not meant, each `file:line:column: message`."""
    restart_needed: tuple[str, ...] = ()
    """Settings whose change has no effect before a restart, as `server.port`."""


def load_file(path: Path) -> Loaded:
    """The first load of the file at `path`. Raises ConfigErrors."""
    return load_bytes(read_file(path), str(path))


def read_file(path: Path, wanted: str = "`majordomo up` writes a first one") -> bytes:
    """The bytes of a settings file, or of a file as short. Raises ConfigErrors when there is no
    such file to read; `wanted` says where one comes from."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _unreadable(path, "is not a file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(path, f"does not exist; {wanted}") from None
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise _unreadable(path, f"is larger than {MAX_BYTES // 1024} KiB, which no settings need")
    return data


def load_bytes(data: bytes, file: str, *, generation: int = 1) -> Loaded:
    """Settings from a file's bytes; `file` is its name in messages. Raises ConfigErrors."""
    source = parse_source(data, file)
    if source.data is None:
        text = "holds no settings; `majordomo up` in an empty home writes a first file"
        raise ConfigErrors(file, [Finding(Mark(1, 1), text)])
    settings, findings = _validate(source)
    if settings is None or findings:
        raise ConfigErrors(file, findings)
    warned = [_found(remark, source) for remark in config_checks.warnings(settings)]
    return Loaded(
        settings=settings,
        generation=generation,
        source_hash=hashlib.sha256(data).hexdigest(),
        loaded_at=time.time(),
        warnings=tuple(finding.at(file) for finding in sorted(warned)),
    )


def changes_for_restart(running: Settings, new: Settings) -> tuple[str, ...]:
    """Which settings differ that only a restart applies."""
    return tuple(
        ".".join(map(str, path)) for path in RESTART_ONLY if _get(running, path) != _get(new, path)
    )


def parse_source(data: bytes, file: str) -> Source:
    """A file's bytes as plain values with their places. Raises ConfigErrors."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        finding = Finding(Mark(line, column), "is not UTF-8 text; save the file as UTF-8")
        raise ConfigErrors(file, [finding]) from None
    try:
        return read_yaml(text)
    except SourceError as error:
        raise ConfigErrors(file, [Finding(error.mark, error.message)]) from None


def _validate(source: Source) -> tuple[Settings | None, list[Finding]]:
    """The settings, or as much of them as is valid, and all that is wrong."""
    salvage = Salvage(without_nulls(source.data))
    findings: list[Finding] = []
    for round_ in range(_ROUNDS):
        try:
            settings = Settings.model_validate(salvage.kept)
        except ValidationError as error:
            if round_ == 0:
                findings = field_findings(error, source)
            salvage = salvage.without(error)
            continue
        return settings, [*findings, *_contradictions(settings, source, salvage)]
    return None, findings


def _contradictions(settings: Settings, source: Source, salvage: Salvage) -> list[Finding]:
    raw = cast("dict[str, object]", source.data).get("upstreams")
    names = list(cast("dict[str, object]", raw)) if isinstance(raw, dict) else []

    def written(path: SettingPath) -> bool:
        return salvage.origin(path) in source.keys

    remarks = config_checks.contradictions(settings, written, names)
    return [_found(remark, source, salvage.origin(remark.path)) for remark in remarks]


def _found(remark: Remark, source: Source, path: SettingPath | None = None) -> Finding:
    at = source.at(remark.path if path is None else path, key=remark.key)
    return Finding(at, remark.message)


def _get(settings: Settings, path: SettingPath) -> object:
    value: object = settings
    for step in path:
        value = getattr(value, str(step))
    return value


def _unreadable(path: Path, message: str) -> ConfigErrors:
    return ConfigErrors(str(path), [Finding(Mark(1, 1), message)])
