#!/usr/bin/env bash
# Fetches the published interface of the Open Inference Protocol, which is not part of this repository, and checks that it is the expected one.
set -euo pipefail
cd "$(dirname "$0")"
commit=eeb043e2c95c1dd35f8b9185f5dadf44c7f10c9f
digest=0f715460d60b014a23e06ac8e768cfa3d8336221cdb66bd7aeeab6dc27620b0f
curl -fsSL "https://raw.githubusercontent.com/kserve/open-inference-protocol/$commit/specification/protocol/open_inference_grpc.proto" -o open_inference_grpc.proto.part
echo "$digest  open_inference_grpc.proto.part" | sha256sum --check --quiet
mv open_inference_grpc.proto.part open_inference_grpc.proto
