"""Files with mutations, each loaded in a process of its own: `python tests/engine/fuzzing.py [cases] [seed] [only]`.

A case is a file that Keras or we could have written, with bytes, numbers or parts of it changed. The process that loads
it may load it or raise our error. Everything else is a failure: another error, a crash, more than 10 s of processor
time, more memory than 4 times the file and 256 MB, an attempt to run a program, to unpickle, to open another file or to
import something that loading has no use for.
"""
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter

import numpy as np

SECONDS, MEMORY = 10, 256 << 20
LOADED, REFUSED, OTHER, FORBIDDEN = 0, 1, 2, 3
FORBIDDEN_EVENTS = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen",
                    "socket.connect", "pickle.find_class", "os.remove", "os.rename", "shutil.rmtree",
                    "ctypes.dlopen"}  # fmt: skip


def seeds(folder):
    """Small files of every kind that is loaded, as dict name -> content."""
    import h5py

    from minikeras.layers import (
        LSTM,
        BatchNormalization,
        Bidirectional,
        Conv2D,
        Dense,
        Embedding,
        Flatten,
        GlobalMaxPooling2D,
        Input,
        concatenate,
    )
    from minikeras.models import Model, Sequential

    mlp = Sequential([Dense(5, activation="relu", input_shape=(4,), name="a"), BatchNormalization(name="b"),
                      Dense(2, activation="softmax", name="c")])  # fmt: skip
    mlp.compile("adam", "categorical_crossentropy", metrics=["acc"])
    mlp.fit(np.ones((4, 4)), np.eye(2)[[0, 1, 0, 1]], verbose=0)
    image, words = Input((8, 8, 3)), Input((6,))
    seen = GlobalMaxPooling2D()(Conv2D(4, 3, padding="same", strides=2)(image))
    read = Bidirectional(LSTM(3, return_sequences=True, unroll=True))(Embedding(10, 4)(words))
    graph = Model([image, words], Dense(1)(concatenate([seen, Flatten()(read)])))
    files = {"graph.json": graph.to_json().encode(), "mlp.json": mlp.to_json().encode(),
             "graph.yaml": graph.to_yaml().encode()}  # fmt: skip
    for name, save in {"mlp.h5": mlp.save, "graph.h5": graph.save, "weights.h5": graph.save_weights,
                       "weights.safetensors": graph.save_weights}.items():  # fmt: skip
        save(os.path.join(folder, name))
    for name, options in {"latest.h5": {"libver": "latest"}, "ordered.h5": {"track_order": True}}.items():
        with h5py.File(os.path.join(folder, name), "w", **options) as file:
            mlp.save(file)
    with h5py.File(os.path.join(folder, "weights.h5")) as source, \
            h5py.File(os.path.join(folder, "packed_weights.h5"), "w") as packed:  # fmt: skip
        packed.attrs.update(source.attrs)

        def repack(name, item):
            if isinstance(item, h5py.Group):
                packed.require_group(name).attrs.update(item.attrs)
            elif item.ndim:
                packed.create_dataset(name, data=item[()], chunks=tuple(max(1, n // 2) for n in item.shape),
                                      compression="gzip", shuffle=True, fletcher32=True)  # fmt: skip

        source.visititems(repack)
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    return files, graph


EXTREMES = [0, 1, 2, 7, 127, 128, 255, 1 << 15, (1 << 16) - 1, 1 << 24, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 62,
            (1 << 64) - 1]  # fmt: skip
WORDS = [b"0", b"-1", b"1", b"999999999", b"1e400", b"NaN", b"null", b"true", b"[]", b"{}", b'""', b'"os.system"',
         b"!!python/object/apply:os.system ['true']", b"*id001", b"&id001", b'"\\ud800"', b'"Lambda"',
         b'"TimeDistributed"', b"9" * 5000, b"[" * 3000]  # fmt: skip


def mutate(content, name, rng):
    """The content with one to a few changes: bits, bytes, numbers of 1 to 8 bytes, parts cut, doubled or exchanged."""
    data = bytearray(content)
    text = not name.endswith(("h5", "safetensors"))
    head = 8 + int.from_bytes(content[:8], "little") if name.endswith("safetensors") else len(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        if not data:
            break
        # What describes is changed more often than the numbers, which checksums guard.
        i = int(rng.integers(min(head, len(data)) if rng.random() < 0.8 else len(data)))
        kind = rng.integers(9)
        if kind in (4, 5, 7) and not text and rng.random() < 0.85:
            kind = 2                   # what changes the length of a file is found at once
        if kind == 0:
            data[i] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[i] = int(rng.integers(256))
        elif kind <= 3 and not text:
            size = int(rng.choice([1, 2, 4, 8]))
            i -= i % size if rng.random() < 0.8 else 0
            value = EXTREMES[int(rng.integers(len(EXTREMES)))] if rng.random() < 0.7 else int(rng.integers(len(data)))
            data[i:i + size] = (value % (1 << 8 * size)).to_bytes(size, "little")[:len(data) - i]
        elif kind == 4 and rng.random() < 0.3:
            del data[i:]
        elif kind == 5:
            del data[i:i + int(rng.integers(1, 16))]
        elif kind == 6:
            j, n = int(rng.integers(len(data))), int(rng.integers(1, 64))
            data[i:i + n] = data[j:j + n]
        elif kind == 7:
            data[i:i] = data[i:i + int(rng.integers(1, 64))]
        else:
            data = word_changed(data, i, rng)
    return bytes(data)


def word_changed(data, i, rng):
    """Another number or word in the place of the next one in a text."""
    start = i
    while start < len(data) and not chr(data[start]).isalnum():
        start += 1
    stop = start
    while stop < len(data) and (chr(data[stop]).isalnum() or data[stop] in b"_."):
        stop += 1
    word = WORDS[int(rng.integers(len(WORDS)))]
    if rng.random() < 0.3:
        word = b'"' + word.strip(b'"') + b'"'
    return data[:start] + word + data[stop:]


def load(path, graph):
    """Load a file in the way that its name asks for."""
    from minikeras.models import load_model, model_from_json, model_from_yaml

    if path.endswith((".json", ".yaml")):
        with open(path, encoding="utf8", errors="surrogateescape") as file:
            (model_from_json if path.endswith("json") else model_from_yaml)(file.read())
    elif "weights" in path:
        graph.load_weights(path)
        graph.get_weights()
    else:
        load_model(path).get_weights()


def watch(path, roots):
    """End the process when something is done that loading has no business with."""
    def look(event, args):
        bad = event in FORBIDDEN_EVENTS
        if event == "open" and isinstance(args[0], (str, bytes)):
            name = os.fsdecode(args[0])
            bad = name != path and not name.endswith((".py", ".pyc", ".so")) or args[2] is not None and args[2] & 3 > 0
            bad = bad and not name.startswith("/proc/")
        elif event == "import":
            bad = args[0].split(".")[0] not in roots
        if bad:
            os.write(2, f"forbidden: {event} {args}\n".encode())
            os._exit(FORBIDDEN)

    sys.addaudithook(look)


def child(path, graph, roots):
    """Load one file, and tell by the exit status what came of it."""
    with open("/proc/self/statm") as file:
        os.write(2, b"%d\n" % (int(file.read().split()[1]) * resource.getpagesize()))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    watch(path, roots)
    try:
        load(path, graph)
        os._exit(LOADED)
    except ValueError as error:        # DamagedFileError is one
        os.write(2, str(error).encode(errors="replace"))
        os._exit(REFUSED)
    except BaseException:
        os.write(2, traceback.format_exc()[-1500:].encode(errors="replace"))
        os._exit(OTHER)


def fuzz(cases, seed=0, only=""):
    """Run so many cases; returns (Counter of outcomes, failures, most seconds, most bytes)."""
    with tempfile.TemporaryDirectory() as folder:
        files, graph = seeds(folder)
        files = {name: content for name, content in files.items() if only in name}
        for name in files:
            if not name.endswith((".json", ".yaml")):
                load(os.path.join(folder, name), graph)
        roots = {name.split(".")[0] for name in sys.modules}
        counts, failures, slowest, largest = Counter(), [], 0.0, 0
        for case in range(cases):
            rng = np.random.default_rng([seed, case])
            name = list(files)[case % len(files)]
            content = mutate(files[name], name, rng)
            path = os.path.join(folder, f"case_{name}")
            with open(path, "wb") as file:
                file.write(content)
            log = open(os.path.join(folder, "log"), "w+b", buffering=0)  # noqa: SIM115
            pid = os.fork()
            if pid == 0:
                os.dup2(log.fileno(), 2)
                child(path, graph, roots)
            status, usage = waited(pid)
            log.seek(0)
            before, error = log.read().decode(errors="replace").split("\n", 1)
            log.close()
            memory = usage.ru_maxrss * 1024 - int(before)
            slowest, largest = max(slowest, usage.ru_utime + usage.ru_stime), max(largest, memory)
            outcome = outcome_of(status, memory, len(content))
            counts[outcome] += 1
            if os.environ.get("FUZZ_SHOW"):
                print(case, name, outcome, error[-150:], flush=True)
            if outcome not in ("loaded", "refused"):
                failures.append((case, name, outcome, error))
                keep = os.environ.get("FUZZ_KEEP")
                if keep:
                    with open(os.path.join(keep, f"{seed}_{case}_{name}"), "wb") as file:
                        file.write(content)
        return counts, failures, slowest, largest


def waited(pid):
    """Exit status and usage of a child; it is killed when it neither ends nor uses the processor for long."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    return os.wait4(pid, 0)[1:]


def outcome_of(status, memory, size):
    if os.WIFSIGNALED(status):
        return "hang" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else f"crash {os.WTERMSIG(status)}"
    if memory > 4 * size + MEMORY:
        return "memory"
    return ["loaded", "refused", "another error", "forbidden"][os.WEXITSTATUS(status)]


if __name__ == "__main__":
    found = fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 0,
                 sys.argv[3] if len(sys.argv) > 3 else "")  # fmt: skip
    for failure in found[1]:
        print(*failure)
    print(json.dumps({"outcomes": dict(found[0]), "slowest_seconds": round(found[2], 2),
                      "largest_megabytes": round(found[3] / 1e6, 1)}))  # fmt: skip
    sys.exit(bool(found[1]))
