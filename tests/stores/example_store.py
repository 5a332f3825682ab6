"""Portraits in one JSON file: readable by anything, fine for some thousand customers."""

import json
from pathlib import Path
from threading import RLock

from userportrait.stores import check_profiles
from userportrait.typing import Build


class JSONFileStore:
    def __init__(self, path):
        self.path, self.writing = Path(path), RLock()  # a build may read, so not a Lock

    def replace_profiles(self, profiles, *, build):
        with self.writing:
            return self._write(list(check_profiles(profiles)), build.to_dict())

    def read_profiles(self, customer_ids):
        return {key: tags for key, tags in self._read()[0] if key in set(customer_ids)}

    def scan_profiles(self):
        return ((key, tags) for key, tags in self._read()[0])

    def read_build(self):
        return Build.from_dict(document) if (document := self._read()[1]) else None

    def delete_customers(self, customer_ids):
        with self.writing:
            profiles, build = self._read()
            kept = [row for row in profiles if row[0] not in set(customer_ids)]
            return len(profiles) - (self._write(kept, build) if build else 0)

    def _read(self):
        return json.loads(self.path.read_text("utf-8")) if self.path.exists() else ([], None)

    def _write(self, profiles, build):
        self.path.with_suffix(".new").write_text(json.dumps([profiles, build]), "utf-8")
        self.path.with_suffix(".new").replace(self.path)  # one step: the old file or the new
        return len(profiles)
