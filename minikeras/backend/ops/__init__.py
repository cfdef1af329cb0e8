"""The declarations of all ops, a file a family. The kernels stand under the same file names in each backend."""
