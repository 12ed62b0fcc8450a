"""Which version of the solver's loops runs: numba's, or NumPy's where numba does not load."""

import importlib
import warnings
from types import ModuleType

from kg.devices import forced_backend


def choose() -> ModuleType:
    """Return the module of the loops; `KG_KERNELS=torch` keeps numba out, as everywhere in kg.

    Raises:
        KgError: KG_KERNELS names no backend.
    """
    if forced_backend() != "torch":
        try:
            return importlib.import_module("kg.sim.numba_kernels")
        except Exception as error:  # a broken LLVM raises whatever it likes
            problem = f"{type(error).__name__}: {error}"
            warnings.warn(f"numba does not load, cloth is simulated slowly ({problem}).", stacklevel=2)
    return importlib.import_module("kg.sim.numpy_kernels")
