"""Where a model lies: by its name, and its base by its manifest."""

import importlib.util
from pathlib import Path

from models.layout import CONFIG
from models.manifest import MANIFEST, Base, Manifest, ModelError, file_sha256

BUNDLED = Path(__file__).parent / "bundled"


def resolve(spec: str) -> Path:
    """The directory that a model's name stands for: `bundled:en`, `bundled:en-fast` or a path."""
    if spec.startswith("bundled:"):
        known = bundled_specs()
        name = spec.removeprefix("bundled:")
        if spec not in known:
            listed = ", ".join(known)
            language = name.removesuffix("-fast")
            if language != name and f"bundled:{language}" in known:
                raise ModelError(
                    f"'{spec}' is not here: the fast model of this language was not made; use the "
                    f"tier accurate, or make it by `undertone distill --recipe {language} "
                    f"--output {BUNDLED / name}`; there are: {listed}"
                )
            raise ModelError(f"'{spec}' is no bundled model; there are: {listed}")
        return BUNDLED / name
    return Path(spec)


def bundled_specs() -> list[str]:
    """The bundled models that are here, each as `bundled:NAME`."""
    return sorted(f"bundled:{item.parent.name}" for item in BUNDLED.glob(f"*/{MANIFEST}"))


def base_directory(base: Base, own: Path) -> Path:
    """Where the base's weights and tokenizer are; its hash is checked. Raises ModelError."""
    if not base.package:
        return own
    # Found, never imported: a manifest does not decide what code runs.
    spec = importlib.util.find_spec(base.package) if base.package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"the base model's package '{base.package}' is not installed")
    directory = Path(spec.submodule_search_locations[0]) / "model"
    weights = directory / "model.safetensors"
    if not weights.is_file():
        raise ModelError(f"{weights}: missing; install '{base.package}' again")
    found = file_sha256(weights)
    if found != base.sha256:
        raise ModelError(
            f"{weights}: SHA-256 is {found[:16]}…, the model was made from {base.sha256[:16]}…"
        )
    return directory


def config_file(directory: Path, manifest: Manifest) -> Path:
    """The encoder's configuration: the model's own, or its base's."""
    own = directory / CONFIG
    return own if own.is_file() else base_directory(manifest.base, directory) / CONFIG
