"""Train tiny-gpt: corpus -> tokenizer -> a small decoder-only transformer (JAX, CPU).

    python train.py --out build --minutes 20

Writes build/tokenizer.json, build/weights.npz and build/train.json.
"""
import argparse
import json
import os
import time

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus

EOT = "<|endoftext|>"
CFG = dict(vocab=1024, ctx=256, layers=5, heads=6, head_dim=32, d=192, ff=768)


# ---------------------------------------------------------------- model

def init(cfg, seed=0):
    rng = np.random.default_rng(seed)
    d, ff = cfg["d"], cfg["ff"]

    def normal(*shape, std=0.02):
        return rng.normal(0, std, shape).astype(np.float32)

    ones, zeros = np.ones(d, np.float32), np.zeros(d, np.float32)
    # Matrices that write to the residual stream start smaller, as in GPT-2.
    res = 0.02 / np.sqrt(2 * cfg["layers"])
    p = {"embed": normal(cfg["vocab"], d, std=0.04), "pos": normal(cfg["ctx"], d, std=0.01),
         "lnf.g": ones, "lnf.b": zeros}
    for i in range(cfg["layers"]):
        p[f"{i}.ln1.g"], p[f"{i}.ln1.b"] = ones, zeros
        p[f"{i}.ln2.g"], p[f"{i}.ln2.b"] = ones, zeros
        p[f"{i}.qkv"] = normal(d, 3 * d, std=0.05)
        p[f"{i}.out"] = normal(d, d, std=res)
        p[f"{i}.up"] = normal(d, ff, std=0.05)
        p[f"{i}.down"] = normal(ff, d, std=res)
    return {k: jnp.asarray(v) for k, v in p.items()}


def layer_norm(x, g, b):
    m = x.mean(-1, keepdims=True)
    v = ((x - m) ** 2).mean(-1, keepdims=True)
    return (x - m) * jax.lax.rsqrt(v + 1e-5) * g + b


def forward(p, ids, cfg=CFG):
    """Logits [B, T, V] of a full causal pass; no linear layer has a bias."""
    B, T = ids.shape
    H, hd = cfg["heads"], cfg["head_dim"]
    x = p["embed"][ids] + p["pos"][:T]
    causal = jnp.tril(jnp.ones((T, T), bool))
    for i in range(cfg["layers"]):
        h = layer_norm(x, p[f"{i}.ln1.g"], p[f"{i}.ln1.b"])
        qkv = (h @ p[f"{i}.qkv"]).reshape(B, T, 3, H, hd).transpose(2, 0, 3, 1, 4)
        s = jnp.einsum("bhqd,bhkd->bhqk", qkv[0], qkv[1]) * hd ** -0.5
        w = jax.nn.softmax(jnp.where(causal, s, -1e9), -1)
        a = jnp.einsum("bhqk,bhkd->bhqd", w, qkv[2]).transpose(0, 2, 1, 3).reshape(B, T, H * hd)
        x = x + a @ p[f"{i}.out"]
        h = layer_norm(x, p[f"{i}.ln2.g"], p[f"{i}.ln2.b"])
        x = x + jax.nn.gelu(h @ p[f"{i}.up"], approximate=True) @ p[f"{i}.down"]
    return layer_norm(x, p["lnf.g"], p["lnf.b"]) @ p["embed"].T


def loss_fn(p, ids, cfg=CFG):
    logits = forward(p, ids[:, :-1], cfg)
    target = jnp.take_along_axis(logits, ids[:, 1:, None], -1)[..., 0]
    return (jax.nn.logsumexp(logits, -1) - target).mean()


# ---------------------------------------------------------------- optimiser

def orthogonal(x):
    """Nearest orthogonal matrix, roughly: five Newton-Schulz steps (the Muon optimiser)."""
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(5):
        s = x @ x.T
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * s @ s) @ x
    return x.T if tall else x


def update(p, g, m, v, step, lr, wd=0.1, b1=0.9, b2=0.97, muon_lr=5.0):
    """AdamW for embeddings and norms. Layer matrices use Muon, which needs far fewer steps than
    AdamW; that matters on a CPU. `v` is unused for those."""
    norm = jnp.sqrt(sum((x ** 2).sum() for x in g.values()))
    clip = jnp.minimum(1.0, 1.0 / (norm + 1e-6))
    c1, c2 = 1 - b1 ** step, 1 - b2 ** step
    new_p, new_m, new_v = {}, {}, {}
    for k in p:
        gk = g[k] * clip
        if p[k].ndim == 2 and k not in ("embed", "pos"):
            new_m[k] = 0.95 * m[k] + gk
            new_v[k] = v[k]
            # q, k and v are separate matrices that happen to be stored side by side.
            parts = jnp.split(gk + 0.95 * new_m[k], 3, axis=1) if k.endswith("qkv") else [gk + 0.95 * new_m[k]]
            o = jnp.concatenate([orthogonal(x) * max(1, x.shape[1] / x.shape[0]) ** 0.5 for x in parts], 1)
            new_p[k] = p[k] - muon_lr * lr * o - lr * wd * p[k]
        else:
            new_m[k] = b1 * m[k] + (1 - b1) * gk
            new_v[k] = b2 * v[k] + (1 - b2) * gk * gk
            new_p[k] = p[k] - lr * new_m[k] / c1 / (jnp.sqrt(new_v[k] / c2) + 1e-8)
    return new_p, new_m, new_v


@jax.jit
def train_step(p, m, v, ids, step, lr):
    loss, g = jax.value_and_grad(loss_fn)(p, ids)
    p, m, v = update(p, g, m, v, step, lr)
    return p, m, v, loss


# ---------------------------------------------------------------- data

def train_tokenizer(docs, vocab):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(docs, trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=[EOT], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tok


def tokenize(tok, docs):
    """One flat stream `doc <eot> doc <eot> ...` and the offset at which each document starts."""
    eot = tok.token_to_id(EOT)
    stream, starts = [], []
    for e in tok.encode_batch(docs):
        starts.append(len(stream))
        stream.extend(e.ids)
        stream.append(eot)
    return np.asarray(stream, np.int32), np.asarray(starts)


def batches(stream, starts, batch, ctx, seed):
    """Windows of ctx+1 tokens. Half begin at a document (a prompt begins at position 0 in use),
    half at any offset, so that every kind of token is seen at every position."""
    rng = np.random.default_rng(seed)
    last = len(stream) - ctx - 1
    starts = starts[starts < last]
    while True:
        at = np.where(rng.random(batch) < 0.5, rng.choice(starts, batch), rng.integers(0, last, batch))
        yield stream[at[:, None] + np.arange(ctx + 1)]


def evaluate(p, stream, ctx, windows=64):
    """Mean loss over consecutive windows of held-out text."""
    n = min(windows, (len(stream) - 1) // ctx)
    ids = stream[np.arange(n)[:, None] * ctx + np.arange(ctx + 1)]
    f = jax.jit(loss_fn)
    return float(np.mean([f(p, ids[i:i + 8]) for i in range(0, n - n % 8, 8)]))


# ---------------------------------------------------------------- main

def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", default="build")
    a.add_argument("--stories", type=int, default=30000)
    a.add_argument("--minutes", type=float, default=21, help="stop after this long (the schedule follows)")
    a.add_argument("--steps", type=int, default=0, help="fixed number of steps instead of a time limit")
    a.add_argument("--batch", type=int, default=8)
    a.add_argument("--lr", type=float, default=4e-3)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--init", help="go on from the weights in this folder (same seed and stories), on other windows")
    a = a.parse_args()
    os.makedirs(a.out, exist_ok=True)

    # Held-out documents come from another seed; any that also occur in training are dropped.
    docs = corpus.documents(a.stories, seed=a.seed)
    seen = set(docs)
    held = [d for d in corpus.documents(800, seed=a.seed + 1_000_003) if d not in seen]
    tok = train_tokenizer(docs, CFG["vocab"])
    tok.save(os.path.join(a.out, "tokenizer.json"))
    stream, starts = tokenize(tok, docs)
    held_stream, _ = tokenize(tok, held)
    print(f"{len(docs)} documents, {len(stream)} tokens, held out {len(held_stream)} tokens", flush=True)

    p = init(CFG, a.seed)
    if a.init:
        p = {k: jnp.asarray(x) for k, x in np.load(os.path.join(a.init, "weights.npz")).items()}
    n_params = sum(x.size for x in p.values())
    m = {k: jnp.zeros_like(x) for k, x in p.items()}
    v = {k: jnp.zeros_like(x) for k, x in p.items()}
    print(f"{n_params} parameters", flush=True)

    warm = 30 if a.init else 100
    gen = batches(stream, starts, a.batch, CFG["ctx"], a.seed + bool(a.init))
    t0, step, done, ema = time.time(), 0, 0.0, None
    while done < 1:
        # One-cycle schedule in `done`, the fraction of the budget used (time or steps).
        lr = a.lr * min(1, (step + 1) / warm, 0.02 + 0.98 * (1 - done) / 0.6)
        step += 1
        p, m, v, loss = train_step(p, m, v, next(gen), step, lr)
        ema = float(loss) if ema is None else 0.98 * ema + 0.02 * float(loss)
        done = step / a.steps if a.steps else (time.time() - t0) / (60 * a.minutes)
        if step % 100 == 0 or done >= 1:
            print(f"step {step} lr {lr:.5f} loss {ema:.4f} {time.time() - t0:.0f}s", flush=True)
        if step % 500 == 0 or done >= 1:
            held_loss = evaluate(p, held_stream, CFG["ctx"])
            print(f"  held-out loss {held_loss:.4f} perplexity {np.exp(held_loss):.3f}", flush=True)
            np.savez(os.path.join(a.out, "weights.npz"), **{k: np.asarray(x) for k, x in p.items()})
    held_stream[: 64 * CFG["ctx"] + 1].tofile(os.path.join(a.out, "held.i32"))
    with open(os.path.join(a.out, "train.json"), "w") as f:
        json.dump(dict(config=CFG, parameters=int(n_params), steps=step, batch=a.batch, lr=a.lr,
                       corpus_tokens=len(stream), trained_tokens=step * a.batch * CFG["ctx"],
                       seconds=round(time.time() - t0), held_out_loss=held_loss,
                       held_out_perplexity=float(np.exp(held_loss))), f, indent=1)


if __name__ == "__main__":
    main()
