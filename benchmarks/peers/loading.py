"""Measures JPEG file to normalised tensor on one core, torchvision + Pillow and `adaptformer bench --loading` in turns.

Both do the evaluation transform: decode, short side to 256 (bicubic), centre crop 224, to [0, 1], ImageNet mean and deviation.
"""
import argparse
import glob
import json
import os
import statistics
import sys
import time

from processes import Failed, build_program, environment, machine, run, spread


def jpeg_files(folder):
    return sorted(f for pattern in ("*.jpg", "*.jpeg", "*.JPEG") for f in glob.glob(os.path.join(folder, "**", pattern), recursive=True))


def peer(folder, seconds):
    """Pictures per second of one thread: whole passes over the folder until `seconds` are spent, the median pass."""
    import torch
    from PIL import Image
    from torchvision import transforms as T

    torch.set_num_threads(1)
    transform = T.Compose([T.Resize(256, interpolation=T.InterpolationMode.BICUBIC), T.CenterCrop(224), T.ToTensor(),
                           T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    files = jpeg_files(folder)

    def one_pass():
        begin = time.perf_counter()
        for file in files:
            with Image.open(file) as image:
                transform(image.convert("RGB"))
        return time.perf_counter() - begin

    one_pass()                                          # brings the files into the page cache
    passes, begin = [], time.perf_counter()
    while not passes or time.perf_counter() - begin < seconds:
        passes.append(one_pass())
    return {"images_per_s_per_core": len(files) / statistics.median(passes), "images": len(files), "passes": len(passes)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="JPEG files, in sub-folders or not")
    parser.add_argument("--program", help="adaptformer or adaptformer.dll; built in Release if not given")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--peer-only", action="store_true", help="measure torchvision in this process and print JSON")
    a = parser.parse_args()
    if not jpeg_files(a.folder):
        raise SystemExit(f"{a.folder} holds no JPEG file")
    if a.peer_only:
        print(json.dumps(peer(a.folder, a.seconds)))
        return

    program = os.path.abspath(a.program) if a.program else build_program()
    ours_command = (["dotnet", program] if program.endswith(".dll") else [program]) + ["bench", "--loading", a.folder, "--json"]
    peer_command = [sys.executable, os.path.abspath(__file__), a.folder, "--peer-only", "--seconds", str(a.seconds)]
    theirs, ours = [], []
    try:
        for _ in range(a.repetitions):
            theirs.append(run(peer_command, environment(OMP_NUM_THREADS="1"), 120)["images_per_s_per_core"])
            ours.append(run(ours_command, environment(), 120)["images_per_s_per_core"])
    except Failed as reason:
        raise SystemExit(f"a measurement failed: {reason}") from None

    m = machine()
    print(f"{m['date']}, {m['cpu']}, {len(jpeg_files(a.folder))} JPEG files; median of {a.repetitions} repetitions (smallest-largest).\n")
    print("| torchvision + Pillow, images/s per core | ours, images/s per core | ours / theirs |\n| --- | --- | --- |")
    print(f"| {spread(theirs, 0)} | {spread(ours, 0)} | **{spread([o / t for t, o in zip(theirs, ours)], 2)}** |")


if __name__ == "__main__":
    main()
