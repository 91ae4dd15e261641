"""Transfer learning for materials properties behind the scikit-learn interface."""

import lazy_loader

from sktl._version import __version__ as __version__

# The public names stand in __init__.pyi, where type checkers read them too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
