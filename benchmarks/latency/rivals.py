"""What people run on the same weights: transformers `generate`, and llama.cpp.

Promises answers of exactly as many tokens as asked, greedily chosen, to prompts given
as token ids, so that neither side pays for tokenising. Each runs in a process of its
own (`Rival`), once for each number of threads, which wait as they do by themselves;
times are taken there and do not count the pipe. llama.cpp keeps its cache
from one prompt to the next, and is driven through its C interface, without the Python
classes around it, as its own server would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file

CONTEXT = 2048
SETTLING_S = 0.005
"""Threads of the side before spin for a while after their work; nobody is measured then."""

_ROLES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


class Side(Protocol):
    """One of the compared."""

    def answer(self, ids: Sequence[int], count: int) -> list[int]:
        """The next `count` tokens."""


class Rival:
    """A side in a process of its own."""

    def __init__(self, name: str, path: Path, threads: int) -> None:
        self.threads = threads
        # Habitus asks its threads to sleep while they wait; others are not to suffer from that.
        environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        # Run as a file: importing the package would ask that of them too.
        self._process = subprocess.Popen(
            [sys.executable, __file__, name, str(path), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def answer(self, ids: Sequence[int], count: int) -> tuple[float, list[int]]:
        """Milliseconds that the next `count` tokens took, and the tokens."""
        assert self._process.stdin is not None and self._process.stdout is not None
        time.sleep(SETTLING_S)
        self._process.stdin.write(json.dumps([list(ids), count]) + "\n")
        self._process.stdin.flush()
        ms, tokens = json.loads(self._process.stdout.readline())
        return ms, tokens

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def start(name: str, path: Path) -> list[Rival]:
    """The side with one thread, with two, and so on to one for each core."""
    return [Rival(name, path, threads) for threads in range(1, (os.cpu_count() or 1) + 1)]


class Transformers:
    """`generate` in fp32, which keeps nothing between two requests."""

    def __init__(self, folder: Path, threads: int) -> None:
        from transformers import AutoModelForCausalLM

        torch.set_num_threads(threads)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def answer(self, ids: Sequence[int], count: int) -> list[int]:
        """The next `count` tokens."""
        prompt = torch.tensor([ids])
        written = self._model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
            pad_token_id=0,
        )
        tokens: list[int] = written[0, len(ids) :].tolist()
        return tokens


class LlamaCpp:
    """One sequence that is cut back to what a prompt shares with the last one."""

    def __init__(self, path: Path, threads: int) -> None:
        import llama_cpp

        self._api: Any = llama_cpp
        quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(quiet, None)
        self._quiet = quiet  # the library keeps only its address
        llama_cpp.llama_backend_init()
        loading = llama_cpp.llama_model_default_params()
        # Mapped, they would be warmed by one process for the next.
        loading.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), loading)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = CONTEXT
        params.n_threads = params.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._greedy = llama_cpp.llama_sampler_init_greedy()
        self._held: list[int] = []

    def answer(self, ids: Sequence[int], count: int) -> list[int]:
        """The next `count` tokens."""
        shared = 0
        for ours, theirs in zip(self._held, ids[:-1], strict=False):
            if ours != theirs:
                break
            shared += 1
        self._api.llama_memory_seq_rm(self._memory, 0, shared, -1)
        self._held = list(ids[:shared])
        self._read(ids[shared:])
        written: list[int] = []
        while True:
            written.append(int(self._api.llama_sampler_sample(self._greedy, self._context, -1)))
            if len(written) == count:
                return written
            self._read(written[-1:])

    def _read(self, ids: Sequence[int]) -> None:
        tokens = (self._api.llama_token * len(ids))(*ids)
        failed = self._api.llama_decode(
            self._context, self._api.llama_batch_get_one(tokens, len(ids))
        )
        if failed:
            raise RuntimeError(f"llama.cpp refused {len(ids)} tokens: {failed}")
        self._held += ids


def write_gguf(folder: Path, path: Path) -> None:
    """A Qwen2 model's folder as one file for llama.cpp, matrices in f16, without its texts."""
    import gguf

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("no_vocab")
    writer.add_vocab_size(config["vocab_size"])
    for name, tensor in load_file(folder / "model.safetensors").items():
        values = tensor.half() if tensor.dim() == 2 else tensor.float()
        writer.add_tensor(_gguf_name(name), values.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _gguf_name(name: str) -> str:
    outer = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    if name in outer:
        return outer[name]
    _, _, layer, role = name.split(".", 3)
    role, _, kind = role.rpartition(".")
    return f"blk.{layer}.{_ROLES[role]}.{kind}"


def main(name: str, path: Path, threads: int) -> None:
    """Answer what comes in, a line each."""
    sides: dict[str, type[Transformers] | type[LlamaCpp]] = {
        "transformers": Transformers,
        "llama.cpp": LlamaCpp,
    }
    side: Side = sides[name](path, threads)
    for line in sys.stdin:
        ids, count = json.loads(line)
        started = time.perf_counter()
        tokens = side.answer(ids, count)
        print(json.dumps([(time.perf_counter() - started) * 1e3, tokens]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
