"""What validation keeps of what it found, and that nothing which is no longer so is ever said."""

from __future__ import annotations

import sqlite3

import msgspec
import pytest

from kelly_tui.store import unchanged
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import load_config, save_config
from kelly_tui.validate import inputs, report
from kelly_tui.validate.report import validate


@pytest.fixture
def asked(sound, monkeypatch):
    """How often the tables of a dataset in order, which was validated, were asked since."""
    with Catalogue.open(sound) as catalogue:
        validate(catalogue)
    asked = []
    of_tables = report._of_tables
    monkeypatch.setattr(report, "_of_tables", lambda *of: asked.append(of) or of_tables(*of))
    return asked


def validated(root, **how):
    with Catalogue.open(root) as catalogue:
        return validate(catalogue, **how)


def test_what_nothing_changed_in_is_found_once_and_by_a_deep_look(sound, asked):
    again = validated(sound)
    assert not asked
    assert validated(sound, deep=True) == again
    assert len(asked) == 1


def test_whoever_writes_and_whatever_it_is_found_anew(sound):
    """By a stranger's connection, which knows nothing of this program, and after one that took the triggers away."""
    with sqlite3.connect(sound / ".kelly" / "catalogue.sqlite", isolation_level=None) as db:
        db.execute("DROP TRIGGER forget_samples_update")
        Catalogue.open(sound).close()
        db.execute("PRAGMA foreign_keys = OFF")
        for table in unchanged.RESTED_ON:
            names = [name for _, name, *_, hidden in db.execute(f"PRAGMA table_xinfo({table})") if not hidden]
            row = [f"77{place}" for place, _ in enumerate(names)]
            for write, values in (
                (f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", row),
                (f"UPDATE {table} SET {names[-1]} = {names[-1]} WHERE {names[0]} = ?", row[:1]),
                (f"DELETE FROM {table} WHERE {names[0]} = ?", row[:1]),
            ):
                db.execute("INSERT OR REPLACE INTO meta VALUES ('unchanged', 'of before')")
                assert db.execute(write, values).rowcount == 1
                assert db.execute("SELECT value FROM meta WHERE name = 'unchanged'").fetchone() is None, write


def test_what_is_kept_rests_on_no_other_table(sound):
    """SQLite itself is asked what was read."""
    read = set()

    def note(action, table, column, *_):
        if action == sqlite3.SQLITE_READ:
            read.add(table)
        return sqlite3.SQLITE_OK

    with Catalogue.open(sound) as catalogue:
        line = inputs.inputs_of(catalogue)
        catalogue.db.set_authorizer(note)
        report._of_tables(catalogue, line)
        catalogue.db.set_authorizer(None)
        made = {name for (name,) in catalogue.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    # `counts` follows `samples`; what is read of `meta` and `runs` is among the inputs, as the next test says
    assert read & made <= {*unchanged.RESTED_ON, "counts", "meta", "runs"}
    assert {"samples", "features", "fingerprints", "steps", "events", "opinions", "issues"} <= read


def test_another_configuration_proof_probe_or_program_is_judged_anew(sound, asked, monkeypatch):
    proof = sound / "splits" / "PROOF.json"
    save_config(sound, msgspec.structs.replace(load_config(sound), target_samples_per_category=7))
    validated(sound)
    assert len(asked) == 1
    proof.write_bytes(proof.read_bytes().replace(b'"seed": 0', b'"seed": 1'))
    assert validated(sound).proof.seed == 1
    assert len(asked) == 2
    with Catalogue.open(sound) as catalogue, catalogue.writing() as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES ('probe', ?)",
                   (msgspec.json.encode({"at": "now", "revision": 0, "probes": []}).decode(),))  # fmt: skip
    assert validated(sound).probe.at == "now"
    assert len(asked) == 3
    sound.rename(sound.with_name("moved"))
    assert validated(sound.with_name("moved")).called.endswith("moved")
    assert len(asked) == 4
    monkeypatch.setattr(inputs, "VERSION", "0.0.0")
    validated(sound.with_name("moved"))
    assert len(asked) == 5


def test_a_program_that_was_changed_judges_otherwise_though_its_version_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "PROJECT", tmp_path)
    source = tmp_path / "kelly_tui" / "one.py"
    source.parent.mkdir()
    source.write_text("x = 1\n")
    before = inputs._program.__wrapped__()
    source.write_text("x = 10\n")
    assert inputs._program.__wrapped__() != before


def test_files_and_lists_are_looked_at_each_time(sound, asked):
    assert validated(sound).valid
    (sound / "splits" / "test.txt").write_text("")
    next((sound / "raw" / "midi").rglob("*.mid")).unlink()
    found = {one.code for one in validated(sound).findings}
    assert {"split-list", "file-missing"} <= found
    assert not asked


def test_what_another_wrote_meanwhile_is_not_covered(sound, monkeypatch):
    """A label that came while the tables were read."""

    def meanwhile(catalogue):
        with sqlite3.connect(sound / ".kelly" / "catalogue.sqlite") as other:
            other.execute("UPDATE samples SET emotion = 'none such'")
        return report.facts_of(catalogue)

    monkeypatch.setattr(report, "check_apart", lambda catalogue: meanwhile(catalogue) and ())
    validated(sound)
    monkeypatch.undo()
    assert "value-outside-set" in {one.code for one in validated(sound).findings}
