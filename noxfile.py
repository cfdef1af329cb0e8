"""The project's tasks: `nox -l` lists them, `nox -s lint` runs one, `nox` runs the defaults."""

from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint"]

LIBRARY = {"numpy": [], "jax": ["jax"], "torch": ["torch==2.13.0"]}  # this torch has a CPU wheel on our machines
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
# Their last versions for Keras 2, which need nothing but it and NumPy.
CLIENTS = ["keras-self-attention==0.46.0", "keras-multi-head==0.27.0", "fer==22.4.0", "keras-radam==0.15.0",
           "keras-lookahead==0.9.0", "keras-pos-embd==0.11.0", "keras-rl==0.4.2", "keras-tcn==3.1.2",
           "image-classifiers==1.0.0", "keras-resnet==0.2.0"]  # fmt: skip


@nox.session
@nox.parametrize("backend", list(LIBRARY))
def tests(session, backend):
    """The test suite on one backend, with that backend's library alone."""
    session.install(*LIBRARY[backend], "-e", ".[test]")
    session.run("pytest", "-n", "auto", *session.posargs, env={"MINIKERAS_TEST_BACKENDS": backend, **ONE_THREAD})


@nox.session(python=["3.11", "3.12", "3.13"])
def pythons(session):
    """The test suite on every supported Python, with numpy alone."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "auto", *session.posargs, env=ONE_THREAD)


@nox.session
def lint(session):
    """Style and likely bugs."""
    session.install("ruff")
    session.run("ruff", "check", ".")


@nox.session
def types(session):
    """Static types, as far as they are written down."""
    session.install("pyright", "-e", ".[h5,yaml,images]")
    session.run("pyright", *session.posargs)


@nox.session
def fuzz(session):
    """10,000 model files with mutations, a process each: they load or raise our error, within limits (10 minutes)."""
    session.install("-e", ".[test]")
    session.run("python", "-W", "ignore", "tests/engine/fuzzing.py", *(session.posargs or ["10000"]), env=ONE_THREAD)


@nox.session
def crash(session):
    """1,000 processes killed while they save, on two file formats: the file is whole each time (2 minutes)."""
    session.install("-e", ".[test]")
    session.run("python", "tests/engine/killed_saves.py", *(session.posargs or ["1000"]), env=ONE_THREAD)


@nox.session
def bench(session):
    """Against the peers, and how models grow, on an otherwise quiet machine."""
    session.install(LIBRARY["torch"][0], "jax", "autograd", "psutil", "matplotlib", "-e", ".")
    session.install("--no-deps", "keras", "absl-py", "rich", "markdown-it-py", "mdurl", "pygments", "namex", "optree",
                    "ml-dtypes", "packaging", "h5py", "typing-extensions")  # fmt: skip
    session.run("python", "-m", "benchmarks", "--peers", *session.posargs)
    session.run("python", "-m", "benchmarks", "--growth")


@nox.session
def soak(session):
    """64 threads that predict while one trains, 500 models made and dropped, on each backend: up to an hour."""
    session.install(LIBRARY["torch"][0], "jax", "psutil", "-e", ".[test]")
    session.run("pytest", "-rP", "tests/engine/test_threads_and_memory.py", *session.posargs,
                env={"MINIKERAS_LONG": "1", **ONE_THREAD})  # fmt: skip


@nox.session
def killed(session):
    """Trainings on every kind of data, killed at every moment and continued to the same bits, on each backend."""
    session.install(LIBRARY["torch"][0], "jax", "-e", ".[test]")
    session.run("pytest", "-rP", "tests/callbacks/test_backup.py", *session.posargs,
                env={"MINIKERAS_LONG": "1", **ONE_THREAD})  # fmt: skip


@nox.session
def clients(session):
    """Packages written for Keras 2 on ours: they build, train and predict, on each backend; up to half an hour."""
    session.install(LIBRARY["torch"][0], "jax", "-e", ".[test,applications]")
    session.install("--no-deps", *CLIENTS)
    session.run("pytest", "-m", "clients", "-rs", "tests/clients", *session.posargs,
                env={"MINIKERAS_LONG": "1", **ONE_THREAD})  # fmt: skip


@nox.session
@nox.parametrize("backend", list(LIBRARY))
def examples(session, backend):
    """Every example in full: up to a minute each."""
    session.install(*LIBRARY[backend], "-e", ".[h5,images]")
    for path in sorted(Path("examples").glob("*.py")):
        session.run("python", str(path), env={"MINIKERAS_BACKEND": backend, **ONE_THREAD})


@nox.session
def package(session):
    """Build the wheel, install it alone and train from it."""
    session.install("build")
    folder = Path(session.create_tmp())
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder))
    session.install("--force-reinstall", *map(str, folder.glob("*.whl")))
    session.run("python", "examples/digits_cnn.py")
