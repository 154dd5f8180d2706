"""The location and the identity of pretrained weights, and the device that computes with them.

Weights are named by one string: ``package:MODULE/PATH`` (a file or folder in an installed Python
package), a local file or folder, or a model hub's id. A pin identifies the bytes: the sha256 of the
weight file for packages, files and folders; a commit (40 hex digits) for the hub. Only a local
folder or file may have no pin: it is then identified by its content.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_bench.core.hashing import digest

if TYPE_CHECKING:
    import torch


VARIABLE = "AL_BENCH_DEVICE"
THREADS = "AL_BENCH_EMBED_THREADS"
PACKAGE = "package:"
WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".onnx")
TOKENS = (".json", ".txt", ".model")


def device() -> torch.device:
    """The device named by AL_BENCH_DEVICE (auto, cpu, cuda, cuda:1 ...), which is no part of a
    run's identity; auto takes a GPU if any."""
    import torch

    wanted = os.environ.get(VARIABLE, "auto")
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wanted != "cpu" and not wanted.startswith("cuda"):
        raise ValueError(f"{VARIABLE}={wanted}; wanted auto, cpu or cuda")
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"{VARIABLE}={wanted}, but torch finds no GPU; wanted auto or cpu")
    return torch.device(wanted)


def dtype(precision: str) -> torch.dtype:
    import torch

    formats = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    if precision not in formats:
        raise ValueError(f"precision={precision}; wanted one of {', '.join(formats)}")
    return formats[precision]


def threads() -> int:
    """The number of threads for embedding: AL_BENCH_EMBED_THREADS, or as many as torch uses."""
    import torch

    return int(os.environ.get(THREADS, torch.get_num_threads()))


@contextmanager
def inference() -> Iterator[None]:
    """No gradients, `exact` float32, and an own number of `threads`: embedding gains from many."""
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(threads())
    try:
        with torch.inference_mode(), exact():
            yield
    finally:
        torch.set_num_threads(usual)


@contextmanager
def exact() -> Iterator[None]:
    """Full float32 also in a GPU's convolutions, which would otherwise round to TF32."""
    import torch

    with torch.backends.cudnn.flags(allow_tf32=False):
        yield


def autocast(precision: str, where: torch.device) -> torch.autocast:
    import torch

    return torch.autocast(where.type, dtype(precision), enabled=precision != "float32")


def identity(weights: str, pin: str | None) -> str:
    """The part of a cache key for these weights: their content, never their location."""
    if weights.startswith(PACKAGE):
        if pin is None:
            raise ValueError(f"{weights} has no pin; give the sha256 of its weight file")
        return f"sha256:{_sha(weights, pin)}"
    if is_local(weights):
        return f"sha256:{_sha(weights, pin) if pin else weights_hash(local(weights))}"
    if pin is None or not re.fullmatch(r"[0-9a-f]{40}", pin):
        raise ValueError(
            f"{weights} is a hub id with pin={pin}; give pin=<commit of 40 hex digits>, "
            "or weights=<local folder> pin=null"
        )
    return f"{weights}@{pin}"


def find(weights: str, pin: str | None) -> Path | None:
    """The file or folder of these weights, checked against the pin; None on the hub."""
    identity(weights, pin)
    if weights.startswith(PACKAGE):
        path = packaged(weights)
    elif is_local(weights):
        path = local(weights)
    else:
        return None
    if pin is not None and (found := digest(weight_file(path))) != pin:
        raise ValueError(f"{weight_file(path)} has sha256 {found}; pinned is {pin}")
    return path


def place(weights: str, pin: str | None) -> tuple[str, dict[str, str]]:
    """The arguments of transformers for these weights: hub id and commit, folder, or GGUF file."""
    path = find(weights, pin)
    if path is None:
        return weights, {"revision": str(pin)}
    if path.suffix == ".gguf":
        return str(path.parent), {"gguf_file": path.name}
    return str(path), {}


def pretrained(
    weights: str, pin: str | None, precision: str, network: str, *others: str
) -> tuple[Any, ...]:
    """A network of transformers, ready to predict, and its preprocessors by class names."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    kind = dtype(precision)
    where, options = place(weights, pin)
    graphs = [path for path in sorted(Path(where).glob("*")) if path.suffix in WEIGHTS]
    try:
        rest = [getattr(transformers, name).from_pretrained(where, **options) for name in others]
        if [path.suffix for path in graphs] == [".onnx"]:  # a folder that holds no other weights
            model = dequantised(getattr(transformers, network), graphs[0]).to(kind)
        else:
            model = getattr(transformers, network).from_pretrained(where, dtype=kind, **options)
    except ModuleNotFoundError:
        raise
    except (OSError, ValueError, ImportError) as error:
        raise unreadable(weights, error) from error
    return model.eval().to(device()), *rest


def dequantised(network: Any, file: Path) -> torch.nn.Module:
    """A transformers encoder with float32 weights from the quantised ONNX graph in its folder."""
    import torch
    import transformers

    try:
        from onnx import load, numpy_helper
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "package onnx is not installed; get it by: pip install 'al-bench[bge]'"
        ) from error
    graph = load(file).graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}

    def real(name: str) -> Any:
        whole, zero = (arrays[name + end].astype("f4") for end in ("_quantized", "_zero_point"))
        return (whole - zero) * arrays[name + "_scale"]

    names = [name.removesuffix("_quantized") for name in arrays if name.endswith("_quantized")]
    found = {name: real(name) for name in names if name.endswith(".weight")}
    found |= {n: a for n, a in arrays.items() if n.endswith((".weight", ".bias"))}
    for node in graph.node:  # only the node's name says to which layer a product belongs
        if node.op_type == "MatMulInteger":
            layer = node.name.strip("/").replace("/", ".").removesuffix(".MatMul_quant")
            found[f"{layer}.weight"] = real(node.input[1].removesuffix("_quantized")).T
    model = network.from_config(transformers.AutoConfig.from_pretrained(file.parent))
    tensors = {name: torch.tensor(array) for name, array in found.items()}
    lacks, more = model.load_state_dict(tensors, strict=False)
    if more or [name for name in lacks if not name.startswith("pooler.")]:
        raise ValueError(f"{file} has other weights than a {type(model).__name__}: {more or lacks}")
    return model  # type: ignore[no-any-return]


def is_local(weights: str) -> bool:
    """Whether this names a local file or folder: it exists, or looks like a path."""
    return weights.startswith(("/", ".", "~")) or Path(weights).exists()


def local(weights: str) -> Path:
    path = Path(weights).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"no weights at {path}: no such file or folder")
    return path


def packaged(weights: str) -> Path:
    """The path of weights inside an installed package, found without importing the package."""
    module, _, inside = weights.removeprefix(PACKAGE).partition("/")
    spec = find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        name = module.replace("_", "-")
        raise FileNotFoundError(f"package {name} is not installed; get it by: pip install {name}")
    path = Path(spec.submodule_search_locations[0]) / inside
    if not path.exists():
        raise FileNotFoundError(f"package {module} is installed but has no {inside}")
    return path


def weight_file(path: Path) -> Path:
    """The file with the weights of a folder; ValueError if there is none or several."""
    if path.is_file():
        return path
    for suffix in WEIGHTS:
        if found := sorted(path.glob(f"*{suffix}")):
            if len(found) > 1:
                raise ValueError(f"{path} has {len(found)} weight files, which no one pin can name")
            return found[0]
    raise FileNotFoundError(f"{path} has no weight file ({', '.join(WEIGHTS)})")


@lru_cache
def weights_hash(path: Path) -> str:
    """sha256 of a weight file, or of all weights, configurations and tokenizers of a folder."""
    if path.is_file():
        return digest(path)
    files = [p for p in sorted(path.iterdir()) if p.suffix in WEIGHTS + TOKENS]
    if not any(p.suffix in WEIGHTS for p in files):
        raise FileNotFoundError(f"{path} has no weight file ({', '.join(WEIGHTS)})")
    lines = "\n".join(f"{p.name} {digest(p)}" for p in files)
    return sha256(lines.encode()).hexdigest()


def unreadable(weights: str, error: Exception) -> OSError:
    """An OSError with one sentence for a loading library's long error."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return OSError(
        f"cannot load {weights}: {first}; without a network, give weights=<local folder> pin=null, "
        "or set HF_HOME to where it was downloaded"
    )


def _sha(weights: str, pin: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", pin):
        raise ValueError(
            f"pin={pin} of {weights} is not a sha256 (64 hex digits); give its weight file's sha256"
            + ("" if weights.startswith(PACKAGE) else " or pin=null")
        )
    return pin
