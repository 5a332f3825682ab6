"""The bytes of a CSV file: which encoding they are in, and what separates the values."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import warnings
from typing import IO, TYPE_CHECKING, Any

from userportrait.errors import DataWarning, InvalidDataError, InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["find_delimiter", "find_encoding", "open_binary"]

_CHUNK = 1 << 20
_SAMPLE = 1 << 16
_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def open_binary(file: Path) -> IO[bytes]:
    """Open a file for reading bytes, unpacked if its name says that it is packed."""
    suffix = file.suffix.casefold()
    packed: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    opened: IO[bytes] = packed.get(suffix, open)(file, "rb")
    return opened


def find_encoding(file: Path, given: str | None) -> str:
    """Return the encoding to read a file with; warn where it is a guess.

    Raises
    ------
    InvalidParameterError
        If the given encoding is not known.
    InvalidDataError
        If the file is empty, or cannot be unpacked.
    """
    start = next(_chunks(file), b"")
    if not start.strip():
        message = f"'{file}' is empty. A CSV file starts with a line of column names."
        raise InvalidDataError(message)
    if given is not None:
        return _known(given)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _decodes(file, "utf-8"):
        return "utf-8-sig"
    chosen = "latin-1"
    if _decodes(file, "gb18030") and _is_chinese(_odd_bytes(file)):
        chosen = "gb18030"
    elif _decodes(file, "cp1252"):
        chosen = "cp1252"
    message = (
        f"'{file}' is not UTF-8; it was read as {chosen}. Give encoding= to say what it is, "
        f"such as encoding='{chosen}'."
    )
    warnings.warn(message, DataWarning, stacklevel=3)
    return chosen


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        problem = f"encoding={encoding!r} is not known to Python. Usual: 'utf-8', 'gb18030'."
        raise InvalidParameterError("read_csv", [problem]) from None
    return "utf-8-sig" if name == "utf-8" else name


def _chunks(file: Path) -> Iterator[bytes]:
    with open_binary(file) as handle:
        try:
            while chunk := handle.read(_CHUNK):
                yield chunk
        except (EOFError, OSError, lzma.LZMAError) as error:
            message = f"'{file}' cannot be unpacked: {error}."
            raise InvalidDataError(message) from error


def _decodes(file: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(file):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _odd_bytes(file: Path) -> bytes:
    """Return the first lines that are not ASCII."""
    found = bytearray()
    with open_binary(file) as handle:
        for line in handle:
            if not line.isascii():
                found += line
            if len(found) > _CHUNK:
                break
    return bytes(found)


def _is_chinese(data: bytes) -> bool:
    """Return whether bytes that are valid GB 18030 read like Chinese.

    Western texts in another encoding may be valid too, but then give single, rare characters
    between Latin letters, where Chinese has runs of common ones (level 1 of GB 2312).
    """
    text = data.decode("gb18030", errors="replace")
    signs = [("一" <= letter <= "鿿") for letter in text]
    n_signs = sum(signs)
    if not n_signs:
        return False
    beside = [a or b for a, b in zip([False, *signs[:-1]], [*signs[1:], False], strict=True)]
    in_runs = sum(sign and near for sign, near in zip(signs, beside, strict=True))
    common = sum(_is_common(letter) for letter, sign in zip(text, signs, strict=True) if sign)
    return in_runs >= 0.7 * n_signs and common >= 0.7 * n_signs


def _is_common(letter: str) -> bool:
    code = letter.encode("gb18030")
    return len(code) == 2 and 0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1


def find_delimiter(file: Path, encoding: str, given: str | None) -> str:
    """Return what separates the values of a CSV file.

    The delimiter that splits the first lines into equally many values, most of them, wins.

    Raises
    ------
    InvalidDataError
        If two delimiters fit equally well.
    """
    if given is not None:
        return given
    lines = _first_lines(file, encoding)
    scores = {mark: _columns(lines, mark) for mark in _DELIMITERS}
    most = max(scores.values())
    if most < 2:
        return "\t" if ".tsv" in file.suffixes else ","
    best = [mark for mark, score in scores.items() if score == most]
    if len(best) > 1:
        names = " and ".join(_NAMES[mark] for mark in best)
        options = " or ".join(f"delimiter={mark!r}" for mark in best)
        message = f"'{file}': {names} both split the lines into {most} values. Give {options}."
        raise InvalidDataError(message)
    return best[0]


def _first_lines(file: Path, encoding: str) -> list[str]:
    with open_binary(file) as handle:
        raw = handle.read(_SAMPLE)
    text = raw.decode(encoding, errors="replace")
    lines = io.StringIO(text, newline="").read().splitlines(keepends=True)
    return lines[:-1] if len(raw) == _SAMPLE and len(lines) > 1 else lines


def _columns(lines: list[str], mark: str) -> int:
    """Return how many values each line has, 0 if a line in ten differs from the first."""
    try:
        sizes = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        return 0
    if not sizes:
        return 0
    fitting = sum(size == sizes[0] for size in sizes)
    return sizes[0] if 10 * fitting >= 9 * len(sizes) else 0
