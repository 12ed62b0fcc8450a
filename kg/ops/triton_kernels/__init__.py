"""The kernels for a GPU, in Triton: one file an operation, each with its kernels and their launchers.

Offsets are 64-bit: a batch of features has more than 2^31 bytes before it fills a GPU. Searches are
compiled without fused multiply-adds, so that their indices are those of `torch_kernels`, ties included.
Block sizes are the only constants, so that clouds of another size compile nothing new.
"""
