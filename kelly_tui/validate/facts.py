"""What is so about a dataset: its counts, whose music and whose labels it holds, and what its splits rest on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from kelly_tui.errors import DatasetError
from kelly_tui.model.agreement import Agreement
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.report import ExportedFile, Facts, Proof
from kelly_tui.store import runs
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.inside import hash_inside
from kelly_tui.store.issues import JUDGED
from kelly_tui.store.layout import called
from kelly_tui.store.manifest import catalogue_rev
from kelly_tui.store.probed import kept
from kelly_tui.store.proof import read_proof
from kelly_tui.store.rows import BY
from kelly_tui.store.schema import HELD
from kelly_tui.store.viewstate import is_no_view
from kelly_tui.validate.agreement import agreement
from kelly_tui.validate.provenance import OF_OTHERS
from kelly_tui.validate.scores import facet_choices, live_scores
from kelly_tui.version import VERSION

_AT_ONCE = 5_000

_HELD = f"samples NOT INDEXED WHERE {HELD}"
"""Where most rows have to be read anyway, the index of what is short would only be read besides."""

_LABELLED_BY = """
SELECT actor, count(DISTINCT sample_id) FROM steps JOIN events USING (step)
WHERE kind = 'edit' AND state = 'done' GROUP BY actor ORDER BY 2 DESC, 1
"""


def facts_of(catalogue: Catalogue) -> Facts:
    """Count and read what there is; writes nothing."""
    db, config, counts = catalogue.db, catalogue.config, catalogue.counts()
    seconds, size = db.execute(
        f"SELECT ifnull(sum(duration_sec), 0), ifnull(sum(file_size_bytes), 0) FROM samples WHERE {HELD}"
    ).fetchone()
    (changed,) = db.execute("SELECT max(modified_at) FROM samples").fetchone()
    (edited,) = db.execute("SELECT max(at) FROM steps").fetchone()
    last = kept(catalogue)
    return Facts(
        **msgspec.structs.asdict(live_scores(counts, config)),
        dataset_id=config.dataset_id,
        called=called(catalogue.root),
        target_model=config.target_model,
        version=config.version,
        description=config.description,
        author=config.author,
        license=config.license,
        source=config.source,
        created_at=config.created_at,
        changed_at=max(filter(None, (changed, edited, config.created_at)), default=""),
        file_types=counts.of("file_type"),
        seconds=float(seconds),
        file_bytes=int(size),
        licenses=_licenses(catalogue),
        label_sources={name: _sources(catalogue, name) for name in config.model.needs},
        verified=sum(counts.verified.values()),
        annotators=dict(db.execute(_LABELLED_BY).fetchall()),
        proof=_proof(catalogue),
        agreement=_agreement(catalogue),
        spread=_spread(catalogue),
        suspicion=_suspicion(catalogue),
        probe=last,
        edits_since_probe=catalogue_rev(catalogue) - last.revision if last else 0,
        seeds=seeds(catalogue),
        kelly_version=VERSION,
        samples_sha256=_digest(catalogue),
    )


_MANIFEST_COLUMNS = {"sample_id": "sc:Text", "file_path": "sc:Text", "file_type": "sc:Text", "split": "sc:Text"}


def folder_files(catalogue: Catalogue) -> Iterator[ExportedFile]:
    """The files by which a dataset's folder is read: manifest, configuration and lists, as they are now."""
    layout = catalogue.layout
    lists = ((layout.splits / f"{split}.txt", split) for split in SPLITS)
    for path, split in ((layout.manifest_path, ""), (layout.config_path, ""), *lists):
        if path.exists() and not is_no_view(layout.root, path):
            digest = hash_inside(layout.root, path)
            columns = _MANIFEST_COLUMNS if path == layout.manifest_path else {}
            name = path.relative_to(layout.root).as_posix()
            yield ExportedFile(name, digest, path.stat().st_size, split=split, columns=columns)


def _licenses(catalogue: Catalogue) -> dict[str, int]:
    """Of what others made; a sample without a licence of its own has that of the dataset."""
    rows = catalogue.db.execute(
        f"SELECT iif(license = '', ?, license), count(*) FROM {_HELD} AND {OF_OTHERS} GROUP BY 1 ORDER BY 2 DESC, 1",
        (catalogue.config.license,),
    )
    return dict(rows.fetchall())


def _sources(catalogue: Catalogue, name: str) -> dict[str, int]:
    rows = catalogue.db.execute(
        f"SELECT ifnull(provenance ->> '$.{name}.source', iif(provenance ->> '$.{name}.by' = ?, 'unknown', 'human')),"
        f" count(*) FROM {_HELD} AND {name} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1",
        (BY,),
    )
    return dict(rows.fetchall())


def _proof(catalogue: Catalogue) -> Proof | None:
    try:
        return msgspec.convert(read_proof(catalogue.layout), Proof)
    except (DatasetError, msgspec.ValidationError):  # that it is gone, or broken, is a finding of the splits
        return None


def _agreement(catalogue: Catalogue) -> Agreement | None:
    found = agreement(catalogue)
    return found if found.fields or found.own else None


def _spread(catalogue: Catalogue) -> dict[str, dict[str, int]]:
    counts = catalogue.counts()
    return {
        facet: {value: counts.roots_by(facet).get(value, 0) for value in (*values, *counts.roots_by(facet))}
        for facet, values in facet_choices(catalogue.config).items()
    }


def _suspicion(catalogue: Catalogue) -> tuple[int, ...]:
    tenths = dict(
        catalogue.db.execute(
            "SELECT min(CAST(issue * 10 AS INTEGER), 9), count(*) FROM issues JOIN samples ON samples.rowid = sample"
            f" WHERE {HELD} AND judged = {JUDGED} GROUP BY 1"
        ).fetchall()
    )
    return tuple(tenths.get(tenth, 0) for tenth in range(10))


def seeds(catalogue: Catalogue) -> dict[str, int]:
    """Of the stages that draw."""
    latest = runs.latest(catalogue.db)
    return {
        stage: int(latest[stage].details["seed"])
        for stage in ("augment", "synthesize", "split")
        if stage in latest and isinstance(latest[stage].details.get("seed"), int)
    }


def _digest(catalogue: Catalogue) -> str:
    digest = hashlib.sha256()
    rows = catalogue.db.execute(f"SELECT sample_id, sha256 FROM {_HELD} ORDER BY +sample_id")  # + faster than its index
    while chunk := rows.fetchmany(_AT_ONCE):
        digest.update("".join(f"{sample_id} {sha256}\n" for sample_id, sha256 in chunk).encode())
    return digest.hexdigest()
