"""HarmonicTransformer: the harmonic (vibrational and elastic) response of crystals as features."""

from __future__ import annotations

import contextlib
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sktl._checks import check_feature_names
from sktl._state import stored
from sktl._store import atomic_write, cache_dir
from sktl._types import (
    AnyArray,
    CellArrays,
    FloatArray,
    ObjectArray,
    PathLike,
    StructuresLike,
)
from sktl.estimators._input import (
    MaterialsEstimator,
    NetworkInput,
    UnseenElements,
    open_source,
    read_materials,
)
from sktl.estimators._upgrades import upgrade_reader
from sktl.exceptions import InputError, StructureError
from sktl.networks import Network, energy_curvature
from sktl.representations import (
    PHONONS,
    RESPONSES,
    Crystals,
    cell_symmetry,
    complete_by_symmetry,
    harmonic_response,
    independent_distortions,
    phonon_summary,
    standard_supercell,
)
from sktl.sources import Source, SourceCard

if TYPE_CHECKING:
    from sklearn.utils import Tags

_VERSION = 2  # of what is kept on disk


@stored("harmonic-transformer/2", upgrades=[upgrade_reader])
class HarmonicTransformer(TransformerMixin, MaterialsEstimator):
    """Turn crystals into their harmonic (vibrational and elastic) response.

    The features are phonon frequencies, elastic moduli and others, in a machine-learning
    interatomic potential: a source that has learned energies with forces and stresses. Its energy
    is differentiated twice, with respect to the displacements of all atoms of the cell and to its
    strains. Nothing is relaxed or simulated. The response is often too soft, but it varies between
    crystals as the true response does. For phonon frequencies, elastic moduli, dielectric and
    piezoelectric constants these features have information that an embedding does not.

    Parameters
    ----------
    source : str, path-like or Source, default="chgnet"
        A machine-learning interatomic potential; see `sktl.list_sources`.
    max_atoms : int, default=24
        Of the cell whose atoms are displaced. A small primitive cell is repeated as often as this
        allows, so that phonons away from the zone centre are included. In a larger primitive cell
        no atoms are displaced, and all features but the clamped-ion elastic ones are NaN. The work
        grows with the square of the number of atoms.
    phonons : bool, default=False
        Whether three more features follow: the last peak of the phonon density of states, and heat
        capacity and vibrational entropy at 300 K. The force constants of the cell are interpolated
        on a mesh of wave vectors.
    unseen_elements : {"error", "warn"}, default="error"
        What to do about an element that the source never saw in pretraining.
    n_jobs : int or None, default=None
        Crystals at a time, as in joblib.

    Attributes
    ----------
    source_ : SourceCard
        Card of the source.
    source_sha256_ : str or None
        Hash of the source's file.
    n_features_in_ : int
        1, the column of structures.

    Raises
    ------
    StructureError, UnseenElementError, InputError
        X or a parameter cannot be used; the message names the row and the value.

    See Also
    --------
    sktl.representations.harmonic_response : The features, with their units.
    DeepFeatureTransformer : The embedding of crystals as they are.

    Notes
    -----
    A crystal of eight atoms takes up to a second on one core with CHGNet, some seconds with Nequix,
    and less with more symmetry: only
    displacements and strains that are not equivalent by symmetry are computed. Results are kept in
    the cache folder (``SKTL_CACHE``) if the source has a file, and are not computed again.

    The response does not depend on the unit cell that describes the crystal: it is computed in
    `sktl.representations.standard_supercell`.

    References
    ----------
    Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3. Softness:
    Deng et al., npj Comput. Mater. 11, 9 (2025), doi:10.1038/s41524-024-01500-6.

    Examples
    --------
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.pipeline import make_union
    >>> from sktl import DeepFeatureTransformer
    >>> features = make_union(DeepFeatureTransformer("mpt-structure"), HarmonicTransformer())
    """

    input_: NetworkInput
    source_: SourceCard
    source_sha256_: str | None
    potential_: Network
    phonons = False  # of transformers that were stored before there was a choice

    def __init__(
        self,
        source: PathLike | Source = "chgnet",
        *,
        max_atoms: int = 24,
        phonons: bool = False,
        unseen_elements: UnseenElements = "error",
        n_jobs: int | None = None,
    ) -> None:
        self.source = source
        self.max_atoms = max_atoms
        self.phonons = phonons
        self.unseen_elements = unseen_elements
        self.n_jobs = n_jobs

    def fit(self, X: StructuresLike, y: object = None) -> Self:
        """Load the source; X is checked, y is ignored.

        Parameters
        ----------
        X : sequence of pymatgen Structure, length n
            In a list, tuple, Series, one-column DataFrame or object array.
        y : ignored

        Returns
        -------
        self
        """
        self.__dict__.pop("potential_", None)  # if this fit fails, the transformer is not fitted
        materials = read_materials(self, X, fitting=True)
        if not isinstance(self.max_atoms, numbers.Integral) or self.max_atoms < 0:
            raise InputError(f"Got max_atoms={self.max_atoms!r}, expected an integer from 0 on.")
        source = open_source(self)
        if source is None or not source.card.is_potential:
            raise InputError(
                f"Got source={self.source!r}, expected one that learned forces, such as 'chgnet'."
            )
        self.input_.fit(materials)
        self.potential_ = source.network
        return self

    def transform(self, X: StructuresLike) -> FloatArray:
        """Return the harmonic response of crystals.

        Parameters
        ----------
        X : sequence of pymatgen Structure, length n
            As in `fit`.

        Returns
        -------
        ndarray (n, 17), or (n, 20) with `phonons`, float64
            See `sktl.representations.harmonic_response` and `sktl.representations.phonon_summary`.
        """
        materials = read_materials(self, X, fitting=False)
        self.input_.read(materials)  # fails or warns of elements that the source never saw
        distinct, place = materials.crystals.unique()
        places = list(map(self._place, distinct.keys()))
        found = [_read(place, len(self._names())) for place in places]
        missing = [i for i, row in enumerate(found) if row is None]
        if missing:
            made = self._respond_all(distinct.take(missing), [places[k] for k in missing])
            for k, response in zip(missing, made, strict=True):
                found[k] = response
        return np.array(found)[place]

    def _respond_all(self, crystals: Crystals, places: Sequence[Path | None]) -> list[FloatArray]:
        """Return the harmonic response of each crystal, and keep it in its place."""
        disordered = [i for i, shares in enumerate(crystals.shares) if shares is not None]
        if disordered:
            raise StructureError(
                f"Got {len(disordered)} disordered crystals, expected ordered ones: a mix of "
                "elements has no phonons."
            )
        cells = [standard_supercell(*arrays, self.max_atoms) for arrays in crystals.arrays]
        primitives: list[CellArrays | None] = [None] * len(cells)
        if self.phonons:
            primitives = [standard_supercell(*arrays, 0) for arrays in crystals.arrays]
        graphs: Any = type(self.input_.representation)
        rows = graphs(merged=False).encode(Crystals(cells))
        scale = self.source_.properties[0].scale
        return Parallel(n_jobs=self.n_jobs)(
            delayed(_respond)(
                self.potential_, scale, rows[[i]], cells[i], primitives[i], self.max_atoms, place
            )
            for i, place in enumerate(places)
        )

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> ObjectArray:
        """Return the names of the features.

        Parameters
        ----------
        input_features : array-like of str, optional
            Only checked against the input seen in `fit`.

        Returns
        -------
        ndarray (17,), or (20,) with `phonons`, of str objects
        """
        check_is_fitted(self)
        check_feature_names(self, input_features)
        return np.asarray(self._names(), dtype=object)

    def _names(self) -> tuple[str, ...]:
        return RESPONSES + PHONONS if self.phonons else RESPONSES

    def _place(self, key: str) -> Path | None:
        """Return where the response of the crystal with this key is kept, or None."""
        if self.source_sha256_ is None:
            return None
        folder = f"v{_VERSION}-{self.source_sha256_[:16]}-{self.max_atoms}"
        folder += "-phonons" if self.phonons else ""
        return Path(cache_dir()) / "harmonic" / folder / key[:2] / f"{key}.npy"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "potential_")


def _respond(
    network: Network,
    scale: float,
    inputs: Mapping[str, AnyArray],
    arrays: CellArrays,
    primitive: CellArrays | None,
    max_atoms: int,
    place: Path | None,
) -> FloatArray:
    """Return the harmonic response of one crystal, and keep it in a file if there is a path.

    With a primitive cell, the summary of its phonons follows.
    """
    elements, lattice, _ = arrays

    def energy(**inputs: Tensor) -> Tensor:
        return network(**inputs)[:, 0] * (scale * len(elements))

    symmetry = cell_symmetry(*arrays)
    distortions = independent_distortions(symmetry, displacements=len(elements) <= max_atoms)
    hessian = complete_by_symmetry(
        distortions, energy_curvature(energy, inputs, distortions), symmetry
    )
    response = harmonic_response(elements, abs(np.linalg.det(lattice)), hessian)
    if primitive is not None:
        response = np.append(response, phonon_summary(arrays, primitive, hessian))
    if place is not None:
        with contextlib.suppress(OSError):  # a cache that cannot be written is no reason to stop
            atomic_write(place, lambda file: np.save(file, response))
    return response


def _read(place: Path | None, size: int) -> FloatArray | None:
    """Return the response that is kept in a file, or None where there is none, or a damaged one."""
    if place is None:
        return None
    try:
        found = np.load(place, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == (size,) else None
