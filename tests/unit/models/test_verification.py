"""Directories that nobody should load, each made from a genuine one."""

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.in_service import BundledModel
from models.layout import ADAPTER, ADAPTER_CONFIG, CONFIG, ENCODER, HEADS, TOKENIZER
from models.loading import load_network
from models.manifest import MANIFEST, Manifest, ModelError, file_sha256
from tests.unit.models.tiny import CONFIGS, write_tiny, write_tiny_adapter

Harm = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("genuine") / "whole"
    write_tiny(directory)
    return directory


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Path:
    directory = tmp_path_factory.mktemp("genuine") / "adapted"
    write_tiny_adapter(directory, packages / "tiny_base_of_tests")
    return directory


def hashes_again(directory: Path) -> None:
    """Whoever changes a file can state its hash too."""
    manifest = json.loads((directory / MANIFEST).read_bytes())
    manifest["files"] = {
        file.name: file_sha256(file)
        for file in sorted(directory.iterdir())
        if file.is_file() and file.name != MANIFEST
    }
    (directory / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def counted(task: str, language: str, answer: str, count: int) -> Harm:
    table = {task: {language: {"negative": {answer: count}}}}
    return edit(MANIFEST, confusion={"on": "labels", "counts": table})


def edit(name: str, /, **values: Any) -> Harm:
    def harm(directory: Path) -> None:
        content = json.loads((directory / name).read_bytes()) | values
        (directory / name).write_text(json.dumps(content), encoding="utf-8")

    return harm


def content(name: str, data: bytes) -> Harm:
    return lambda directory: void((directory / name).write_bytes(data))


def link(directory: Path) -> None:
    """The same bytes, by way of a link."""
    elsewhere = directory.parent / "elsewhere"
    (directory / HEADS).rename(elsewhere)
    (directory / HEADS).symlink_to(elsewhere)


def many_files(directory: Path) -> None:
    for number in range(40):
        (directory / f"file{number}").touch()


def void(_: object) -> None:
    pass


def weights(name: str, change: Callable[[dict[str, torch.Tensor]], None]) -> Harm:
    def harm(directory: Path) -> None:
        tensors = load_file(directory / name)
        change(tensors)
        save_file(tensors, directory / name)

    return harm


def lying_header(shape: list[int], end: int) -> Harm:
    def harm(directory: Path) -> None:
        header = json.dumps({"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}})
        data = struct.pack("<Q", len(header)) + header.encode() + bytes(64)
        (directory / HEADS).write_bytes(data)

    return harm


def outsized(name: str, size: int) -> Harm:
    """A file with a hole: large by its length, and no burden on the disk."""

    def harm(directory: Path) -> None:
        with (directory / name).open("r+b" if (directory / name).exists() else "wb") as file:
            file.truncate(size)

    return harm


def files_entry(name: str, digest: str = "0" * 64) -> Harm:
    def harm(directory: Path) -> None:
        manifest = json.loads((directory / MANIFEST).read_bytes())
        manifest["files"][name] = digest
        (directory / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")

    return harm


def tokenizer(change: Callable[[dict[str, Any]], None]) -> Harm:
    def harm(directory: Path) -> None:
        values = json.loads((directory / TOKENIZER).read_bytes())
        change(values)
        (directory / TOKENIZER).write_text(json.dumps(values), encoding="utf-8")

    return harm


def nan(name: str) -> Harm:
    return weights(HEADS, lambda tensors: void(tensors[name].view(-1)[0:1].fill_(float("nan"))))


QUERY = "encoder.layer.0.attention.self.query.weight"
WORDS = "embeddings.word_embeddings.weight"

AS_IT_LIES: dict[str, tuple[Harm, str]] = {
    "symlink": (link, r"heads\.safetensors: a symbolic link"),
    "folder": (lambda d: (d / "code").mkdir(), r"code: a folder"),
    "fifo": (lambda d: os.mkfifo(d / "pipe"), r"pipe: no plain file"),
    "unlisted file": (content("notes.txt", b"x"), r"notes\.txt: not in the manifest"),
    "many files": (many_files, "more than 32 files"),
    "parent's file": (files_entry("../x"), r"'\.\./x' is not a plain file name"),
    "parent": (files_entry(".."), r"'\.\.' is not a plain file name"),
    "absolute name": (files_entry("/etc/passwd"), "'/etc/passwd' is not a plain file name"),
    "empty name": (files_entry(""), "'' is not a plain file name"),
    "missing file": (lambda d: (d / HEADS).unlink(), r"heads\.safetensors: missing"),
    "changed file": (content(CONFIG, b"{}"), r"config\.json: SHA-256 is"),
    "no hash": (files_entry(HEADS, ""), "SHA-256"),
    "huge directory": (outsized("notes.txt", 5 * 2**30), "bytes, at most"),
    "huge tokenizer": (outsized(TOKENIZER, 65 * 2**20), r"tokenizer\.json: .* at most"),
    "huge manifest": (outsized(MANIFEST, 2**20 + 1), r"manifest\.json: larger than"),
    "no manifest": (lambda d: (d / MANIFEST).unlink(), r"manifest\.json: missing"),
    "manifest not JSON": (content(MANIFEST, b"\xff{"), r"manifest\.json: "),
    "manifest nested": (content(MANIFEST, b"[" * 500_000), r"manifest\.json: "),
    "format": (edit(MANIFEST, format=9), "format 9"),
    "name": (edit(MANIFEST, name="../../x"), "'name' is"),
    "no languages": (edit(MANIFEST, languages=[]), "'languages' is empty"),
    "language": (edit(MANIFEST, languages=["../x"]), "'languages' holds"),
    "method": (edit(MANIFEST, method="pickle"), "'method' is 'pickle'; known are"),
    "pooling": (edit(MANIFEST, pooling="max"), "'pooling' is 'max'"),
    "task": (counted("weather", "en", "negative", 1), "'confusion' has a task 'weather'"),
    "its language": (counted("sentiment", "../x", "negative", 1), "'confusion' holds '../x'"),
    "answer": (counted("sentiment", "en", "sad", 1), "'confusion' counts other than negative"),
    "count": (counted("sentiment", "en", "negative", -1), "'confusion' has a count"),
    "temperature zero": (edit(MANIFEST, temperature=0), "'temperature' is 0"),
    "temperature negative": (edit(MANIFEST, temperature=-1.5), "'temperature' is -1.5"),
    "temperature NaN": (edit(MANIFEST, temperature=float("nan")), r"manifest\.json: "),
    "threshold": (edit(MANIFEST, topic_thresholds={"legal": 1.5}), "'topic_thresholds' is 1.5"),
    "threshold of none": (edit(MANIFEST, topic_thresholds={"x": 0.5}), "'topic_thresholds' names"),
    "max_tokens": (edit(MANIFEST, max_tokens=2), "'max_tokens' is 2"),
    "too few positions": (
        edit(MANIFEST, max_tokens=41),
        "'max_tokens' is 41, the encoder reads 40",
    ),
    "package without hash": (
        edit(MANIFEST, base={"name": "b", "licence": "l", "package": "os", "sha256": ""}),
        "'base' names a package",
    ),
}
"""Harm that is found whatever hashes are stated."""


def sized(**values: Any) -> Harm:
    return edit(CONFIG, **values)


WITH_HASHES: dict[str, tuple[Harm, str]] = {
    "pickle": (content("pytorch_model.bin", b"\x80\x04."), r"\.bin: weights are read from safet"),
    "pickle by another name": (content("model.pt", b"\x80\x04."), r"model\.pt: weights are read"),
    "code": (content("modeling.py", b"import os"), r"'files' lists 'modeling\.py'"),
    "a file too few": (lambda d: (d / TOKENIZER).unlink(), r"tokenizer\.json: missing"),
    "auto_map": (sized(auto_map={"AutoModel": "x.Y"}), r"config\.json: key 'auto_map'"),
    "remote code": (sized(trust_remote_code=True), "key 'trust_remote_code'"),
    "quantization": (sized(quantization_config={"bits": 4}), "key 'quantization_config'"),
    "model type": (sized(model_type="llama"), r"config\.json: 'model_type' may not be llama"),
    "hidden_size": (sized(hidden_size=10**9), "'hidden_size' may not be 1000000000"),
    "hidden_size true": (sized(hidden_size=True), "'hidden_size' may not be True"),
    "layers": (sized(num_hidden_layers=10**6), "'num_hidden_layers' may not be"),
    "vocabulary": (sized(vocab_size=10**10), "'vocab_size' may not be"),
    "positions": (sized(max_position_embeddings=10**9), "'max_position_embeddings' may not be"),
    "heads": (sized(num_attention_heads=3), "'hidden_size' 16 is not a multiple of 3"),
    "parameters": (
        sized(hidden_size=4096, vocab_size=10**6, num_attention_heads=8),
        "parameters, at most",
    ),
    "activation": (sized(hidden_act="exec"), "'hidden_act' may not be exec"),
    "padding": (sized(pad_token_id=999), "'pad_token_id' is beyond"),
    "decoder": (sized(is_decoder=True), "'is_decoder' may not be True"),
    "config not an object": (content(CONFIG, b"[1]"), r"config\.json: "),
    "config nested": (content(CONFIG, b'{"a":' * 150_000), r"config\.json: "),
    "config large": (
        content(CONFIG, b'{"model_type": "bert"' + b" " * 2**20 + b"}"),
        r"config\.json: larger",
    ),
    "no safetensors": (content(HEADS, b"PK\x03\x04 not at all"), r"heads\.safetensors: "),
    "header beyond the file": (lying_header([10**9], 4 * 10**9), r"heads\.safetensors: "),
    "header unlike its shape": (lying_header([10**9], 64), r"heads\.safetensors: "),
    "header of 2**60 bytes": (content(HEADS, struct.pack("<Q", 2**60)), r"heads\.safetensors: "),
    "heads of another size": (
        weights(HEADS, lambda t: t.update({"sentiment.weight": torch.zeros(3, 17)})),
        r"heads\.safetensors: tensor 'sentiment\.weight' has the shape \[3, 17\]",
    ),
    "heads too few": (
        weights(HEADS, lambda t: void(t.pop("topics.bias"))),
        r"heads\.safetensors: tensor 'topics\.bias' is missing",
    ),
    "heads too many": (
        weights(HEADS, lambda t: t.update(more=torch.zeros(1))),
        r"heads\.safetensors: tensor 'more' has no place",
    ),
    "heads of whole numbers": (
        weights(HEADS, lambda t: t.update({"topics.bias": torch.zeros(17, dtype=torch.int64)})),
        "'topics.bias' is I64",
    ),
    "NaN": (nan("sentiment.weight"), r"tensor 'sentiment\.weight' holds NaN"),
    "infinite scale": (
        weights(ENCODER, lambda t: void(t[f"{QUERY}.scale"].fill_(float("inf")))),
        rf"encoder\.safetensors: tensor '{QUERY}\.scale' holds NaN or infinity",
    ),
    "encoder of another size": (
        weights(ENCODER, lambda t: t.update({f"{QUERY}.int8": torch.zeros(16, 8).to(torch.int8)})),
        rf"tensor '{QUERY}\.int8' has the shape \[16, 8\], the network \[16, 16\]",
    ),
    "encoder too little": (
        weights(ENCODER, lambda t: void(t.pop(f"{QUERY}.scale"))),
        rf"'{QUERY}\.scale' is missing",
    ),
    "rows beyond the words": (
        weights(ENCODER, lambda t: void(t[f"{WORDS}.rows"].add_(1))),
        rf"'{WORDS}\.rows' names rows beyond",
    ),
    "rows below the first": (
        weights(ENCODER, lambda t: void(t[f"{WORDS}.rows"].sub_(1))),
        rf"'{WORDS}\.rows' names rows beyond",
    ),
    "tokenizer not JSON": (content(TOKENIZER, b"{"), r"tokenizer\.json: not a tokenizer"),
    "tokenizer of nothing": (content(TOKENIZER, b"{}"), r"tokenizer\.json: not a tokenizer"),
    "tokenizer beyond the rows": (
        tokenizer(lambda values: values["model"]["vocab"].update(extra=99)),
        r"tokenizer\.json: gives out 99",
    ),
    "special piece beyond the rows": (
        tokenizer(lambda v: v["post_processor"]["special_tokens"]["[CLS]"].update(ids=[10**6])),
        r"tokenizer\.json: gives out 1000000",
    ),
}
"""Harm whose doer has stated the hashes of what was changed."""


def place(name: str) -> str:
    return f"base_model.model.encoder.layer.0.attention.self.{name}.weight"


ADAPTERS: dict[str, tuple[Harm, str]] = {
    "unknown key": (edit(ADAPTER_CONFIG, auto_map={}), r"adapter_config\.json: key 'auto_map'"),
    "rank": (edit(ADAPTER_CONFIG, r=3), r"has the shape \[2, 16\], the network \[3, 16\]"),
    "rank zero": (edit(ADAPTER_CONFIG, r=0), "'r' may not be 0"),
    "alpha": (edit(ADAPTER_CONFIG, lora_alpha=-1), "'lora_alpha' may not be -1"),
    "another variant": (edit(ADAPTER_CONFIG, use_dora=True), "'use_dora' may not be True"),
    "ranks apart": (edit(ADAPTER_CONFIG, rank_pattern={"q": 4}), "'rank_pattern' may not be"),
    "no such module": (
        weights(ADAPTER, lambda t: t.update({place("nothing.lora_A"): torch.zeros(2, 16)})),
        r"adapter_model\.safetensors: tensor '.*nothing\.lora_A\.weight' has no place",
    ),
    "not linear": (
        weights(
            ADAPTER,
            lambda t: t.update(
                {"base_model.model.embeddings.LayerNorm.lora_A.weight": torch.zeros(2, 16)}
            ),
        ),
        "has no place in the base",
    ),
    "one half": (
        weights(ADAPTER, lambda t: void(t.pop(place("query.lora_B")))),
        r"query\.lora_B\.weight' is missing",
    ),
    "nothing": (weights(ADAPTER, lambda t: t.clear()), "holds no adapter"),
    "another base": (
        edit(MANIFEST, base={"name": "b", "licence": "l", "package": "tiny_base_of_tests",
                             "sha256": "0" * 64}),
        "the model was made from 0000",
    ),
    "base from a module within": (
        edit(MANIFEST, base={"name": "b", "licence": "l", "package": "os.path",
                             "sha256": "0" * 64}),
        "'os.path' is not installed",
    ),
}  # fmt: skip


def refused(genuine: Path, tmp_path: Path, harm: Harm, message: str, rehash: bool) -> None:
    directory = tmp_path / "model"
    shutil.copytree(genuine, directory)
    harm(directory)
    if rehash:
        hashes_again(directory)
    with pytest.raises(ModelError, match=message):
        load_network(directory)


@pytest.mark.parametrize("case", AS_IT_LIES)
def test_a_directory_that_is_not_what_it_says_is_refused(
    whole: Path, tmp_path: Path, case: str
) -> None:
    refused(whole, tmp_path, *AS_IT_LIES[case], rehash=False)


@pytest.mark.parametrize("case", WITH_HASHES)
def test_a_directory_that_says_what_it_is_and_does_harm_is_refused(
    whole: Path, tmp_path: Path, case: str
) -> None:
    refused(whole, tmp_path, *WITH_HASHES[case], rehash=True)


@pytest.mark.parametrize("case", ADAPTERS)
def test_an_adapter_that_does_not_fit_is_refused(
    adapted: Path, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.syspath_prepend(str(packages))
    refused(adapted, tmp_path, *ADAPTERS[case], rehash=True)


@pytest.mark.parametrize("model_type", CONFIGS)
def test_every_kind_of_encoder_that_is_allowed_works(tmp_path: Path, model_type: str) -> None:
    write_tiny(tmp_path / "model", model_type=model_type)
    model = BundledModel(str(tmp_path / "model"))
    sentiment, _, _ = model.answer(model.tokenise(["shares fall " * 30, "profit at record"]))
    assert sentiment.sum(-1) == pytest.approx([1.0, 1.0], abs=1e-3)


def test_a_base_is_found_and_not_imported(
    adapted: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(packages))
    model = BundledModel(str(adapted))
    assert model.identifier.startswith("tiny-lora@")


def test_documents_may_lie_beside(whole: Path, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(whole, directory)
    (directory / "README.md").write_text("About this model.", encoding="utf-8")
    hashes_again(directory)
    manifest, _, _ = load_network(directory)
    assert manifest == msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)


def test_a_text_that_holds_the_mark_does_no_harm_where_the_vocabulary_lacks_it(
    tmp_path: Path, whole: Path
) -> None:
    directory = tmp_path / "model"
    shutil.copytree(whole, directory)
    tokenizer(
        lambda values: values["model"]["vocab"].update(
            unused=values["model"]["vocab"].pop("[unused1]")
        )
    )(directory)
    hashes_again(directory)
    model = BundledModel(str(directory))
    sentiment, _, _ = model.answer(model.tokenise(["[unused1] shares fall"]))
    assert sentiment.sum() == pytest.approx(1.0, abs=1e-3)
