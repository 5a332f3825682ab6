"""The recipes of the page about streams are what the code can do."""

from __future__ import annotations

import re
import sys
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd

import userportrait as up

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def blocks(repository: Path) -> dict[str, str]:
    """Return the Python blocks of the page, by name or by number."""
    text = (repository / "docs" / "streams.rst").read_text("utf-8")
    found = re.findall(
        r"\.\. code-block:: python\n(?:   :name: ([\w-]+)\n)?\n((?:   .*\n|\n)+)", text
    )
    return {name or str(i): dedent(code) for i, (name, code) in enumerate(found)}


def test_every_block_is_python_and_calls_what_is_there(repository: Path) -> None:
    found = blocks(repository)
    assert {"streams-spark", "streams-quix"} <= set(found)
    for name, code in found.items():
        compile(code, name, "exec")
        used = set(re.findall(r"\bup\.(\w+)", code))
        assert not [word for word in used if not hasattr(up, word)], name


class BatchingSink:
    """As of Quix Streams 3.28: batches by topic and partition, dropped after a flush."""

    def __init__(self) -> None:
        self.batches: dict[tuple[str, int], list[Any]] = {}

    def add(self, value: Any, topic: str, partition: int, offset: int) -> None:
        item = SimpleNamespace(value=value, offset=offset)
        self.batches.setdefault((topic, partition), []).append(item)

    def flush(self) -> None:
        try:
            for (topic, partition), items in self.batches.items():
                self.write(SinkBatch(items, topic=topic, partition=partition))
        finally:
            self.batches.clear()

    def write(self, batch: Any) -> None:
        raise NotImplementedError


class SinkBatch(list[Any]):
    def __init__(self, items: Any, **place: Any) -> None:
        super().__init__(items)
        self.topic, self.partition = place["topic"], place["partition"]


def test_the_recipe_for_quix_counts_messages_once_however_they_are_cut(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, sinks = ModuleType("quixstreams"), ModuleType("quixstreams.sinks")
    monkeypatch.setattr(package, "Application", object, raising=False)
    monkeypatch.setattr(sinks, "BatchingSink", BatchingSink, raising=False)
    monkeypatch.setattr(sinks, "SinkBatch", SinkBatch, raising=False)
    monkeypatch.setitem(sys.modules, "quixstreams", package)
    monkeypatch.setitem(sys.modules, "quixstreams.sinks", sinks)
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(blocks(repository)["streams-quix"], names)

    def message(partition: int, offset: int) -> dict[str, Any]:
        at = f"2026-01-{1 + offset:02d}T10:00:00+02:00"
        return {"customer_id": f"c{partition}", "order_id": offset, "ordered_at": at, "amount": 2.5}

    kept: dict[str, bytes] = {}
    # Twice the process dies after the write and before the offsets are committed.
    for sent in ({0: range(5)}, {0: range(2, 9), 1: range(3)}, {0: range(9), 1: range(3, 4)}):
        stream = up.foreach_batch(up.CustomerSummary(), kept, name="orders")
        sink = names["StateSink"](stream)
        for partition, offsets in sent.items():
            for offset in offsets:
                sink.add(message(partition, offset), "lines", partition, offset)
        sink.flush()
    assert stream.n_rows == 13
    assert [stream.position(f"lines/{i}") for i in range(2)] == [8, 3]
    found = stream.state().finalize()
    assert found["n_orders"].tolist() == [9, 4]
    assert found["first_order_at"].tolist() == [pd.Timestamp("2026-01-01 08:00")] * 2
