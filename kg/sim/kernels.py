from types import ModuleType
def choose():
    import kg.sim.numba_kernels as k
    return k
