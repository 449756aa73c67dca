"""Write weights.npz as an ONNX graph that reads a preallocated KV cache (see README.md for the interface).

    python export.py --build build --out ../1
"""
import argparse
import os
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from train import CFG


def quantise(w, axis):
    """Symmetric int8 with one scale per slice along `axis` -> (int8 matrix, broadcastable scale)."""
    scale = np.abs(w).max(axis=1 - axis, keepdims=True) / 127
    scale = np.maximum(scale, 1e-12).astype(np.float32)
    return np.clip(np.round(w / scale), -127, 127).astype(np.int8), scale


def quant_axis(name):
    """Output channels are the columns of a layer matrix, and the rows of the tied embedding."""
    return 0 if name in ("embed", "pos") else 1


def dequantised(weights):
    """The fp32 weights that the exported graph really computes with."""
    out = {}
    for k, w in weights.items():
        if w.ndim == 2:
            q, s = quantise(w, quant_axis(k))
            w = q.astype(np.float32) * s
        out[k] = w
    return out


class Graph:
    def __init__(self):
        self.nodes, self.inits, self.n = [], [], 0

    def const(self, array, name=None):
        self.n += 1
        name = name or f"c{self.n}"
        self.inits.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def op(self, kind, *inputs, out=None, n_out=1, **attrs):
        self.n += 1
        outs = out if isinstance(out, list) else [out or f"t{self.n}"] if n_out == 1 else [f"t{self.n}_{i}" for i in range(n_out)]
        self.nodes.append(helper.make_node(kind, list(inputs), outs, name=f"{kind}_{self.n}", **attrs))
        return outs[0] if len(outs) == 1 else outs

    def matrix(self, name, w):
        """int8 in the file; Cast and Mul have constant inputs, so the runtime folds them to fp32 at load."""
        q, s = quantise(w, quant_axis(name))
        return self.op("Mul", self.op("Cast", self.const(q, name + ".q"), to=TensorProto.FLOAT), self.const(s, name + ".scale"))


def build(w, cfg=CFG):
    H, hd, P, d, L = cfg["heads"], cfg["head_dim"], cfg["ctx"], cfg["d"], cfg["layers"]
    g = Graph()
    i64 = lambda *v: g.const(np.array(v, np.int64))
    zero, one, last = i64(0), i64(1), i64(-1)
    neg, scale = g.const(np.float32(-1e9)), g.const(np.float32(hd ** -0.5))

    # Positions of the new tokens, and the mask [B, 1, T, P + T] (True = may be attended to).
    T = g.op("Squeeze", g.op("Shape", "input_ids", start=1, end=2), zero)
    steps = g.op("Range", g.const(np.int64(0)), T, g.const(np.int64(1)))
    len_col = g.op("Unsqueeze", "lengths", one)
    # Clamped so that padding past the context reads a valid row instead of failing the whole batch.
    position = g.op("Min", g.op("Add", len_col, steps), g.const(np.int64(P - 1)))
    past_mask = g.op("Less", g.const(np.arange(P, dtype=np.int64).reshape(1, 1, 1, P)),
                     g.op("Unsqueeze", "lengths", i64(1, 2, 3)))
    new_mask = g.op("LessOrEqual", g.op("Unsqueeze", steps, zero), g.op("Unsqueeze", steps, one))
    B1, T1 = g.op("Shape", "lengths"), g.op("Unsqueeze", T, zero)
    widths = g.op("Concat", i64(P), T1, axis=0)
    mask = g.op("Concat", g.op("Expand", past_mask, g.op("Concat", B1, one, T1, i64(P), axis=0)),
                g.op("Expand", new_mask, g.op("Concat", B1, one, T1, T1, axis=0)), axis=-1)

    embed = g.matrix("embed", w["embed"])
    x = g.op("Add", g.op("Gather", embed, "input_ids"), g.op("Gather", g.matrix("pos", w["pos"]), position))

    def norm(x, name):
        return g.op("LayerNormalization", x, g.const(w[name + ".g"]), g.const(w[name + ".b"]), axis=-1, epsilon=1e-5)

    split_heads, merge_heads = i64(0, 0, 3 * H, hd), i64(0, 0, d)
    for l in range(L):
        h = g.op("MatMul", norm(x, f"{l}.ln1"), g.matrix(f"{l}.qkv", w[f"{l}.qkv"]))
        h = g.op("Transpose", g.op("Reshape", h, split_heads), perm=[0, 2, 1, 3])  # [B, 3H, T, hd]
        q, k, v = g.op("Split", h, i64(H, H, H), axis=1, out=[f"q.{l}", f"new.{l}.key", f"new.{l}.value"])
        q = g.op("Mul", q, scale)

        def scores(keys):
            return g.op("MatMul", q, g.op("Transpose", keys, perm=[0, 1, 3, 2]))

        # Only scores are concatenated: the cache itself is read in place and never copied.
        s = g.op("Concat", scores(f"past.{l}.key"), scores(k), axis=-1)
        a = g.op("Softmax", g.op("Where", mask, s, neg), axis=-1)
        a_past, a_new = g.op("Split", a, widths, axis=3, n_out=2)
        o = g.op("Add", g.op("MatMul", a_past, f"past.{l}.value"), g.op("MatMul", a_new, v))
        o = g.op("Reshape", g.op("Transpose", o, perm=[0, 2, 1, 3]), merge_heads)
        x = g.op("Add", x, g.op("MatMul", o, g.matrix(f"{l}.out", w[f"{l}.out"])))
        h = g.op("MatMul", norm(x, f"{l}.ln2"), g.matrix(f"{l}.up", w[f"{l}.up"]))
        h = g.op("MatMul", g.op("Gelu", h, approximate="tanh"), g.matrix(f"{l}.down", w[f"{l}.down"]))
        x = g.op("Add", x, h)

    # Only the last of the T tokens is projected on the vocabulary.
    x = g.op("Squeeze", g.op("Gather", x, last, axis=1), one)
    g.op("MatMul", norm(x, "lnf"), g.op("Transpose", embed, perm=[1, 0]), out="logits")

    f32, info = TensorProto.FLOAT, helper.make_tensor_value_info
    inputs = [info("input_ids", TensorProto.INT64, ["B", "T"]), info("lengths", TensorProto.INT64, ["B"])]
    outputs = [info("logits", f32, ["B", cfg["vocab"]])]
    for l in range(L):
        for kv in ("key", "value"):
            inputs.append(info(f"past.{l}.{kv}", f32, ["B", H, P, hd]))
            outputs.append(info(f"new.{l}.{kv}", f32, ["B", H, "T", hd]))
    graph = helper.make_graph(g.nodes, "tiny-gpt", inputs, outputs, g.inits)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9, producer_name="tiny-gpt")
    helper.set_model_props(model, {"license": "Apache-2.0", "name": "tiny-gpt"})
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--build", default="build")
    a.add_argument("--out", default="../1")
    a = a.parse_args()
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, "model.onnx")
    onnx.save(build(dict(np.load(os.path.join(a.build, "weights.npz")))), path)
    shutil.copyfile(os.path.join(a.build, "tokenizer.json"), os.path.join(a.out, "tokenizer.json"))
    print(f"{path}: {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
