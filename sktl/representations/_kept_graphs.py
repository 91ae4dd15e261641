"""Representations that make a graph of each crystal, and keep it for when it is asked for again."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from sktl._progress import count
from sktl._types import AnyArray, CellArrays, FloatArray, StructuresLike
from sktl.exceptions import InputError
from sktl.representations._base import StructureRepresentation
from sktl.representations._crystal_rows import CrystalRows
from sktl.representations._crystals import Crystals

Cell: TypeAlias = tuple[CellArrays, FloatArray | None]
"""Arrays of a crystal, and its shares if it is disordered."""

CACHE_BYTES = 2**29
"""Memory for graphs that may be asked for again, in bytes."""


class KeptGraph(Protocol):
    """What a graph needs so that it is kept: a tuple of arrays, and their size."""

    @property
    def n_bytes(self) -> int: ...

    def __iter__(self) -> Iterator[AnyArray]: ...


class KeptGraphs(StructureRepresentation):
    """A representation that makes a graph of each crystal.

    A subclass says what it depends on in `_settings`, makes the graphs by the function that
    `_maker` returns, and the rows in `_rows`. Graphs are kept, up to `CACHE_BYTES` in a process.

    Parameters
    ----------
    n_jobs : int or None, default=1
        Processes that make graphs, -1 for all cores.
    """

    n_jobs: int | None

    @abstractmethod
    def _settings(self) -> tuple[object, ...]:
        """Return all that the graph of a crystal depends on."""

    @abstractmethod
    def _maker(self) -> Callable[[CellArrays, FloatArray | None], KeptGraph]:
        """Return a function that makes the graph of a crystal of its arrays and its shares."""

    @abstractmethod
    def _rows(self, graphs: Sequence[Any]) -> CrystalRows[Any]:
        """Return graphs as rows."""

    def encode(self, structures: Crystals | StructuresLike) -> Any:
        """Return crystals (n,) as rows."""
        crystals = structures if isinstance(structures, Crystals) else self.read(structures)
        settings = self._settings()
        keys = [(settings, digest) for digest in crystals.keys()]
        found = {key: graph for key in keys if (graph := _CACHE.get(key)) is not None}
        given = dict(zip(keys, zip(crystals.arrays, crystals.shares, strict=True), strict=True))
        missing = {key: parts for key, parts in given.items() if key not in found}
        graphs = self._build(list(missing.values()))
        for key, graph in zip(missing, graphs, strict=True):
            found[key] = graph
            _CACHE.put(key, graph)
        return self._rows([found[key] for key in keys])

    def _build(self, cells: list[Cell]) -> list[KeptGraph]:
        """Return a graph for each crystal."""
        make, workers = self._maker(), effective_n_jobs(self.n_jobs)
        if workers == 1 or len(cells) < 2:
            return _build_many(
                make, count(cells, "Searching for neighbours", len(cells), "crystals")
            )
        step = -(-len(cells) // (4 * workers))
        chunks = [cells[i : i + step] for i in range(0, len(cells), step)]
        parts = Parallel(n_jobs=self.n_jobs)(delayed(_build_many)(make, c) for c in chunks)
        return [graph for part in parts for graph in part]


class _GraphCache:
    """Graphs by key; the ones asked for longest ago go when memory is used up.

    Parameters
    ----------
    limit : int
        Bytes that all graphs may take together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._graphs: OrderedDict[Hashable, KeptGraph] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> KeptGraph | None:
        """Return the graph of a key, or None."""
        with self._lock:
            if key in self._graphs:
                self._graphs.move_to_end(key)
            return self._graphs.get(key)

    def put(self, key: Hashable, graph: KeptGraph) -> None:
        """Keep a graph; its arrays become read-only, since others may read them."""
        for part in graph:
            part.flags.writeable = False
        with self._lock:
            if key in self._graphs:
                return
            self._graphs[key] = graph
            self.size += graph.n_bytes
            while self.size > self.limit:
                _, oldest = self._graphs.popitem(last=False)
                self.size -= oldest.n_bytes

    def clear(self) -> None:
        """Forget all graphs."""
        with self._lock:
            self._graphs.clear()
            self.size = 0


_CACHE = _GraphCache(CACHE_BYTES)


def refuse_shares(shares: FloatArray | None) -> None:
    """Raise if a crystal is disordered."""
    if shares is not None:
        raise InputError(
            "Got a disordered crystal with merged=False, expected an ordered one: occupancies are "
            "part of multiplicities, which only merged graphs have."
        )


def _build_many(
    make: Callable[[CellArrays, FloatArray | None], KeptGraph], cells: Iterable[Cell]
) -> list[KeptGraph]:
    """Build graphs one after the other in this process."""
    return [make(*cell) for cell in cells]
