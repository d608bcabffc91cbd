"""Reads a run's TensorBoard files with TensorBoard's own reader, which checks every checksum, and prints what it found as JSON.

    pip install tensorboard        (or PYTHONPATH=a checkout of tensorboard whose .proto files protoc has compiled)
    python3 tools/tensorboard/check.py runs/eurosat/tensorboard
"""

import json
import struct
import sys
from pathlib import Path

from google.protobuf import json_format, text_format
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import projector_config_pb2


def records(path):
    """Counts the records of a file; raises if a checksum is wrong or the end is torn."""
    data, at, count = path.read_bytes(), 0, 0
    while at < len(data):
        head, (length, check) = data[at : at + 8], struct.unpack_from("<QI", data, at)
        body = data[at + 12 : at + 12 + length]
        if len(body) < length or masked_crc32c(head) != check or masked_crc32c(body) != struct.unpack_from("<I", data, at + 12 + length)[0]:
            raise SystemExit(f"{path}: record {count} at byte {at} is damaged")
        at, count = at + 16 + length, count + 1
    return count


def main(folder):
    event_file = next(folder.glob("*tfevents*"))
    found = {"records": records(event_file)}
    events = event_accumulator.EventAccumulator(str(folder), size_guidance={event_accumulator.IMAGES: 0, event_accumulator.TENSORS: 0, event_accumulator.SCALARS: 0})
    events.Reload()
    tags = events.Tags()
    # Whether numbers and pictures keep their old form or are brought into the new one depends on the reader's version.
    found["scalars"] = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]}
    found["images"] = {tag: [[e.step, e.width, e.height, e.encoded_image_string[:4].hex()] for e in events.Images(tag)] for tag in tags["images"]}
    for tag in tags["tensors"]:
        plugin, values = events.SummaryMetadata(tag).plugin_data.plugin_name, events.Tensors(tag)
        if plugin == "scalars":
            found["scalars"][tag] = [[e.step, e.tensor_proto.float_val[0]] for e in values]
        elif plugin == "images":
            found["images"][tag] = [[e.step, int(e.tensor_proto.string_val[0]), int(e.tensor_proto.string_val[1]), e.tensor_proto.string_val[2][:4].hex()] for e in values]
        elif plugin == "text":
            found.setdefault("texts", {})[tag] = values[0].tensor_proto.string_val[0].decode()
    for tag, content in events.PluginTagToContent("hparams").items():
        found[tag] = json_format.MessageToDict(plugin_data_pb2.HParamsPluginData.FromString(content), preserving_proto_field_name=True)
    config = folder / "projector_config.pbtxt"
    if config.exists():
        embedding = text_format.Parse(config.read_text(), projector_config_pb2.ProjectorConfig()).embeddings[0]
        rows = [line.split("\t") for line in (folder / embedding.tensor_path).read_text().splitlines()]
        names = (folder / embedding.metadata_path).read_text().splitlines()
        if len(names) != len(rows) + 1 or not (folder / embedding.sprite.image_path).exists():
            raise SystemExit("the projector's files do not fit each other")
        found["embedding"] = [len(rows), len({len(row) for row in rows}) == 1 and len(rows[0])]
    json.dump(found, sys.stdout)


main(Path(sys.argv[1]))
