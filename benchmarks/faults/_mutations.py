"""Changes of valid files, as a fuzzer asks for them, and the files that are changed."""

import copy
import io
import json
import math
import zipfile

import numpy as np
import torch

ODD_WORDS = [
    *("0", "-1", "1e308", "1e-308", "nan", "inf", "1" * 40, "?", ".", "loop_", "data_", "'", '"'),
    *("_atom_site_label", "x,y,z", "-x,1/0,z", "P 1", "F m -3 m :9", "Si", "Xx", "\x1b[2J", "#"),
    *("Properties=a:S:9", "Lattice", "Direct", "Cartesian", "Selective", "4294967296", "1(2)"),
    *("%", ";"),
]
ODD_VALUES = [
    *(None, True, -1, 0, 1, 3, 2**31, 2**63, -(2**70), 1e308, math.nan, math.inf, "", "x", "0"),
    *([], {}, [[]], "float32", "numpy", "sklearn.svm._classes", "../a", "\ud800"),
]


def change_bytes(content, provider):
    """Return bytes with some of them replaced, removed or doubled."""
    for _ in range(provider.ConsumeIntInRange(1, 3)):
        start = provider.ConsumeIntInRange(0, len(content))
        end = min(start + provider.ConsumeIntInRange(0, 16), len(content))
        content = content[:start] + provider.ConsumeBytes(8) + content[end:]
    return content


def change_tensor(tensor, provider):
    """Return another tensor."""
    kind = provider.ConsumeIntInRange(0, 3)
    if kind == 0:
        return tensor[:-1] if tensor.ndim else tensor[None]
    if kind == 1:
        return tensor.to(provider.PickValueInList([torch.float64, torch.int64, torch.bool]))
    if kind == 2:
        return torch.full_like(tensor, provider.PickValueInList([0, 1, -1, 100]))
    changed = tensor.clone().reshape(-1)
    if len(changed) and changed.is_floating_point():
        place = provider.ConsumeIntInRange(0, len(changed) - 1)
        changed[place] = provider.PickValueInList([math.nan, math.inf, -6e4, 6e4])
    return changed.reshape(tensor.shape)


def change_json(tree, provider):
    """Return a JSON tree with one to three values replaced, removed or exchanged."""
    for _ in range(provider.ConsumeIntInRange(1, 3)):
        places = list(places_in(tree))
        holder, key = provider.PickValueInList(places)
        other_holder, other = provider.PickValueInList(places)
        kind = provider.ConsumeIntInRange(0, 3)
        if kind == 0:
            holder[key] = copy.deepcopy(provider.PickValueInList(ODD_VALUES))
        elif kind == 1:
            holder[key] = copy.deepcopy(other_holder[other])
        elif kind == 2:
            del holder[key]
        elif isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] += provider.ConsumeIntInRange(-3, 3)
        else:
            holder[key] = [holder[key]]
        if not tree:
            return tree
    return tree


def places_in(tree):
    """Yield the container and the key of each value of a JSON tree."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from places_in(value)


def change_archive(content, provider, *, whole):
    """Return a skops archive with its description changed, or the bytes of a member."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if whole:
        schema = change_json(json.loads(members["schema.json"]), provider)
        members["schema.json"] = json.dumps(schema).encode()
    else:
        name = provider.PickValueInList(sorted(members))
        members[name] = change_bytes(members[name], provider)
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return changed.getvalue()


def change_lines(text, provider):
    """Return a text with one to three of its words or lines replaced, removed or doubled."""
    lines = text.split("\n")
    for _ in range(provider.ConsumeIntInRange(1, 3)):
        place = provider.ConsumeIntInRange(0, len(lines) - 1)
        words, kind = lines[place].split(" "), provider.ConsumeIntInRange(0, 3)
        word = provider.ConsumeIntInRange(0, len(words) - 1)
        if kind == 0:
            lines.insert(place, lines[place])
        elif kind == 1:
            words[word] = provider.PickValueInList(ODD_WORDS)
        elif kind == 2:
            words[word] = provider.ConsumeUnicode(12)
        else:
            del words[word]
        lines[place] = " ".join(words)
    return "\n".join(lines)


def write_valid_files(folder):
    """Fit and write a small source, a regressor, a classifier and a stack."""
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    from sktl import (
        PropertyTable,
        TransferClassifier,
        TransferRegressor,
        TransferStackRegressor,
        pretrain,
    )

    formulas = ["NaCl", "GaAs", "Si", "ZnO", "MgO", "PbTe", "CdS", "TiO2", "LiF", "KBr"] * 3
    formulas = [f"{text}Cu{i + 1}" for i, text in enumerate(formulas)]
    y = np.linspace(0, 3, len(formulas))
    small = {"width": 8, "hidden": 8, "n_heads": 1, "n_attention": 1, "trunk_width": 8}
    source = pretrain(
        PropertyTable("gap", formulas, y, "eV"),
        id="toy.gap@1",
        title="A toy",
        network_arguments=small | {"n_trunk": 1},
        epochs=1,
        progress=False,
    )
    source.save(folder / "source.safetensors")
    fast = {"max_epochs": 1, "n_members": 1, "random_state": 0}
    TransferRegressor(source, **fast).fit(formulas, y).save(folder / "regressor.sktl")
    TransferClassifier(source, **fast).fit(formulas, y > 1).save(folder / "classifier.sktl")
    trees = ExtraTreesRegressor(2), HistGradientBoostingRegressor(max_iter=2)
    bases = [(type(each).__name__, each) for each in (Ridge(), *trees)]
    stack = TransferStackRegressor(estimators=bases, n_members=2, random_state=0)
    stack.fit(np.random.default_rng(0).random((30, 3)), y).save(folder / "stack.sktl")
