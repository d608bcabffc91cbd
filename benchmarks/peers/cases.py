"""What is measured: each case names one piece of work and the PyTorch settings that it is compared with."""
from dataclasses import dataclass, field

BASE, TINY = "vit_base_patch16_224", "vit_tiny_patch16_224"

# PyTorch settings: "best core" is f32 with OpenBLAS's fastest core type, "as installed" leaves the core type to OpenBLAS;
# "autocast" is bf16 as users switch it on, "bf16 weights" in addition holds the frozen matrices in bf16.
F32, BF16 = ("best core",), ("autocast", "bf16 weights")


@dataclass(frozen=True)
class Case:
    name: str
    model: str
    method: str
    batch: int
    precision: str                                      # float32 | bfloat16
    modes: tuple = ("train", "predict")
    peers: tuple = BF16
    layers: str | None = None                           # blocks with adapters, "7-12"; all if None
    image_size: int = 224
    environment: dict = field(default_factory=dict)     # for our process only


MAIN = [
    Case("base-bf16", BASE, "adaptformer", 16, "bfloat16"),
    Case("base-f32", BASE, "adaptformer", 16, "float32", peers=F32),
    Case("tiny-bf16", TINY, "adaptformer", 32, "bfloat16"),
    Case("tiny-f32", TINY, "adaptformer", 32, "float32", peers=F32),
    Case("base-bf16-b1", BASE, "adaptformer", 1, "bfloat16", ("predict",)),
    Case("base-f32-b1", BASE, "adaptformer", 1, "float32", ("predict",), F32),
    Case("base-full-bf16", BASE, "full", 16, "bfloat16", ("train",), ("autocast",)),
    Case("base-linear-bf16", BASE, "linear", 16, "bfloat16"),
    Case("base-vpt-bf16", BASE, "vpt", 16, "bfloat16"),
    Case("base-7-12-bf16", BASE, "adaptformer", 16, "bfloat16", ("train",), layers="7-12"),
    # No native library on our side, PyTorch as Debian installs it with OpenBLAS.
    Case("base-f32-managed", BASE, "adaptformer", 16, "float32", peers=("as installed",), environment={"ADAPTFORMER_ONEDNN": "none"}),
]

SCALING = [
    *(Case(f"batch-{b}", BASE, "adaptformer", b, "bfloat16", peers=("autocast",)) for b in (1, 2, 4, 8, 16, 32, 64)),
    *(Case(f"size-{s}", BASE, "adaptformer", 8, "bfloat16", peers=("autocast",), image_size=s) for s in (224, 288, 336, 384, 448)),
    *(Case(f"model-{m}", f"vit_{m}_patch16_224", "adaptformer", 8, "bfloat16", peers=("autocast",)) for m in ("tiny", "small", "base", "large")),
]

SUITES = {"main": MAIN, "scaling": SCALING}
