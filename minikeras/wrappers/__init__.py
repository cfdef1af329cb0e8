"""Models in the interfaces of other libraries."""


def __getattr__(name):
    if name == "scikit_learn":
        from importlib import import_module

        return import_module(f"{__name__}.scikit_learn")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
