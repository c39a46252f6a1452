"""What a program does with a model: it asks for two files by name, opens them, and uses what is inside."""

import json
import math
import struct

from weighbridge import hf_hub_download

REPO = "sentence-transformers/all-MiniLM-L6-v2"


def main() -> None:
    """Read the weights' header, and the vector of one word."""
    with open(hf_hub_download(REPO, "vocab.txt"), encoding="utf-8") as file:  # noqa: PTH123 - as users write it
        word = file.read().splitlines().index("truck")
    with open(hf_hub_download(REPO, "model.safetensors"), "rb") as file:  # noqa: PTH123
        [length] = struct.unpack("<Q", file.read(8))
        tensors = json.loads(file.read(length))
        tensors.pop("__metadata__", None)
        words = tensors["embeddings.word_embeddings.weight"]
        count, width = words["shape"]
        file.seek(8 + length + words["data_offsets"][0] + word * width * 4)
        vector = struct.unpack(f"<{width}f", file.read(width * 4))
    numbers = sum(math.prod(each["shape"]) for each in tensors.values())
    print(f"{len(tensors)} tensors, {numbers:,} numbers; {count:,} words of {width} numbers each")
    print("truck:", *(f"{each:+.4f}" for each in vector[:5]), "…")


if __name__ == "__main__":
    main()
