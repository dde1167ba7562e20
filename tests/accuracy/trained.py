"""Does an export train? A small model taught by nothing but the npz files, beside what ``kelly probe`` says.

The clips of piano music lie in folders by emotion; they are imported, rendered, extracted, split by song and exported.
The probe says how well small models that know the catalogue do on songs held out. From the export alone random trees
on the mel bands learn train and are asked about test, in several splits: they should come out within the interval of
the probe's figure for the same sound.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

import kelly_tui
from kelly_tui.learn.probe import Estimate, probe
from kelly_tui.store.catalogue import Catalogue

SEEDS = range(5)
EMOTIONS = ["happy", "angry", "sad", "peaceful"]

Examples = tuple[np.ndarray, np.ndarray]


def table(music: Path) -> str:
    """The lines to print; some minutes."""
    with tempfile.TemporaryDirectory(prefix="kelly-trained-") as folder:
        root = dataset(Path(folder), music)
        expected = probed(root)
        told = {"scikit-learn": simple, **({"PyTorch": network} if find_spec("torch") else {})}
        right: dict[str, list[np.ndarray]] = {name: [] for name in told}
        for seed in SEEDS:
            kelly_tui.split_dataset(root, reshuffle=True, seed=seed)
            out = Path(folder) / f"npz{seed}"
            kelly_tui.export_dataset(root, "npz", out, force=True)
            train, test = clips(out, "train"), clips(out, "test")
            for name, model in told.items():
                right[name].append(model(train, test[0]) == test[1])
    lines = [f"{'trained':14} {'emotion of sound: kelly probe':46} {expected.words()}"]
    for name, each in right.items():
        share = float(np.concatenate(each).mean())
        within = "within" if expected.low <= share <= expected.high else "NOT within"
        figure = f"{100 * share:.0f} % of {sum(map(len, each))} in {len(each)} splits by song, {within} that interval"
        lines.append(f"{'trained':14} {f'the same from the npz alone: {name}':46} {figure}")
    return "\n".join(lines)


def dataset(folder: Path, music: Path) -> Path:
    config = kelly_tui.DatasetConfig(
        dataset_id="piano", group_by="prefix", emotion_labels=EMOTIONS, sample_rate=16_000, max_duration_sec=60,
        train_ratio=0.8, val_ratio=0.0, test_ratio=0.2,
    )  # fmt: skip
    kelly_tui.create_dataset_structure(folder, config)
    root = folder / "piano"
    kelly_tui.import_files(root, [music], workers=2)
    kelly_tui.annotate_dataset(root)
    kelly_tui.render_dataset(root, workers=2)
    kelly_tui.extract_features(root, workers=2)
    return root


def probed(root: Path) -> Estimate:
    """What the probe says of all sound."""
    with Catalogue.open(root) as catalogue:
        (sound,) = (one for one in probe(catalogue) if one.file_type == "audio")
    figure = sound.scores[-1].accuracy
    assert figure is not None, sound
    return figure


def clips(out: Path, split: str) -> Examples:
    """(n, 192) and (n,): mean, deviation and mean step of each normalised mel band over all windows of a clip."""
    features, labels = [], []
    for path in sorted(out.glob(f"emotionrecognizer-{split}-*.npz")):
        with np.load(path) as arrays:
            x = (arrays["x"] - arrays["mean"]) / arrays["std"]
            mask, y, sample = arrays["mask"], arrays["y"], arrays["sample"]
        for number in np.unique(sample):
            rows = sample == number
            frames = x[rows].transpose(0, 2, 1)[mask[rows]]
            steps = np.abs(np.diff(frames, axis=0))
            features.append(np.concatenate([frames.mean(axis=0), frames.std(axis=0), steps.mean(axis=0)]))
            labels.append(y[rows][0])
    return np.array(features), np.array(labels)


def simple(train: Examples, asked: np.ndarray) -> np.ndarray:
    """What random trees say, taught by `train`."""
    told: np.ndarray = ExtraTreesClassifier(300, min_samples_leaf=2, random_state=0).fit(*train).predict(asked)
    return told


def network(train: Examples, asked: np.ndarray) -> np.ndarray:
    """The same of a layer of PyTorch with weight decay."""
    import torch

    torch.manual_seed(0)
    mean, std = train[0].mean(axis=0), train[0].std(axis=0)
    x, y = torch.tensor((train[0] - mean) / std, dtype=torch.float32), torch.tensor(train[1])
    model: Any = torch.nn.Linear(x.shape[1], len(EMOTIONS))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=1.0)
    for _ in range(200):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    told: np.ndarray = model(torch.tensor((asked - mean) / std, dtype=torch.float32)).argmax(dim=1).numpy()
    return told
