"""Transfer learning for materials properties behind the scikit-learn interface."""

import lazy_loader

from sktl._version import __version__

__getattr__, __dir__, _lazy = lazy_loader.attach(
    __name__,
    submod_attrs={
        "estimators": [
            "DeepFeatureTransformer",
            "HarmonicTransformer",
            "TransferClassifier",
            "TransferRegressor",
            "TransferStackRegressor",
            "load_model",
        ],
        "representations": ["MatminerTransformer", "StructureReader"],
        "sources": [
            "Architecture",
            "Source",
            "SourceCard",
            "list_sources",
            "load_source",
            "register_architecture",
            "register_source",
        ],
        "training": ["Policy", "PropertyTable", "pretrain"],
    },
)

__all__ = [*_lazy, "__version__"]
