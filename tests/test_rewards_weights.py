"""rewards/weights.py: a folder that is written anew is another model, to scores and to fingerprints."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from tests.scoring_models import classifier_folder, language_model_folder, save_classifier
from tokengym._models import model_folder
from tokengym.rewards import Sample, make_reward, semantic
from tokengym.rewards.origin import outside_code
from tokengym.rewards.weights import state, weights_digest

SAMPLE = Sample("Who opened it?", "Marta Silva opened it on Monday.", ("Marta Silva",))


def score(spec: str) -> float:
    return float(make_reward(spec).explain([SAMPLE]).scores[0])


def fingerprint(spec: str) -> str:
    env: object = gymnasium.make("TextQA-v0", reward=spec, disable_env_checker=True).unwrapped
    return str(env.fingerprint()["reward"])  # type: ignore[attr-defined]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a language model of random weights."""
    return Path(shutil.copytree(language_model_folder(), tmp_path / "policy"))


def overwrite(folder: Path, source: str) -> None:
    """Puts the weights of ``source`` into ``folder``, as a policy does that is saved again."""
    shutil.copyfile(Path(source) / "model.safetensors", folder / "new")
    os.replace(folder / "new", folder / "model.safetensors")


def test_the_state_follows_the_files(folder: Path) -> None:
    first, digest = state(str(folder)), weights_digest(str(folder))
    assert [path for path, _, _ in first] == ["model.safetensors"] and first[0][2] == (folder / "model.safetensors").stat().st_size
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert state(str(folder)) != first and weights_digest(str(folder)) == digest  # the same weights, written at another time
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"layer")
    (folder / "modules.json").write_text('[{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Dense"}]', encoding="utf-8")
    assert [path for path, _, _ in state(str(folder))] == ["2_Dense/model.safetensors", "model.safetensors"]
    assert weights_digest(str(folder)) != digest


@pytest.mark.parametrize("modules", [None, "[", "{}", "5", "[5]", '[{"path": 5}]', '[{"idx": 0}]'])
def test_other_models_in_the_folder_do_not_count(folder: Path, modules: str | None) -> None:
    first, digest = state(str(folder)), weights_digest(str(folder))
    shutil.copytree(language_model_folder(), folder / "checkpoint-5")
    if modules is not None:
        (folder / "modules.json").write_text(modules, encoding="utf-8")
    assert state(str(folder)) == first and weights_digest(str(folder)) == digest


def test_a_model_that_has_been_loaded_goes_on_without_its_folder(folder: Path) -> None:
    spec = f"fluency(model='{folder}', unit='logp')"
    reward, other = make_reward(spec), Sample("Who opened it?", "Nobody did.")
    before = float(reward.explain([SAMPLE]).scores[0])
    assert weights_digest(str(folder)) is not None
    last, digest = state(str(folder)), weights_digest(str(folder))
    (folder / "model.safetensors").unlink()
    assert float(reward.explain([other]).scores[0]) < 0.0 and state(str(folder)) == last
    shutil.rmtree(folder)
    assert float(reward.explain([SAMPLE]).scores[0]) == before and weights_digest(str(folder)) == digest
    shutil.copytree(model_folder("builtin:tiny"), folder)
    anew = float(reward.explain([SAMPLE]).scores[0])
    shutil.rmtree(folder)
    assert float(reward.explain([SAMPLE]).scores[0]) == anew == score("fluency(unit='logp')") != before


def test_weights_that_nobody_read_in_time_have_no_digest(folder: Path) -> None:
    assert state(str(folder)) != ()
    shutil.rmtree(folder)
    assert weights_digest(str(folder)) is None
    with pytest.raises(ValueError, match="is not a known model"):
        score(f"fluency(model='{folder}')")


def test_a_copy_has_the_same_digest_and_what_has_a_name_has_none(folder: Path, tmp_path: Path) -> None:
    assert weights_digest(str(folder)) == weights_digest(language_model_folder()) is not None
    (tmp_path / "empty").mkdir()
    for name in ("builtin:tiny", semantic.MINILM, "owner/name", "smollm2-135m", str(tmp_path / "empty"), "nobody knows it", ""):
        assert state(name) == () and weights_digest(name) is None


def test_a_language_model_that_was_written_anew_scores_anew(folder: Path, tmp_path: Path) -> None:
    spec = f"fluency(model='{folder}', unit='logp')"
    before, code = score(spec), fingerprint(spec)
    assert score(spec) == before and fingerprint(spec) == code
    other = str(shutil.copytree(folder, tmp_path / "other"))
    weights = {name: 3.0 * values for name, values in load_file(f"{other}/model.safetensors").items()}
    save_file(weights, f"{other}/model.safetensors", metadata={"format": "pt"})
    overwrite(folder, other)
    assert score(spec) == score(f"fluency(model='{other}', unit='logp')") != before
    assert fingerprint(spec) != code
    overwrite(folder, language_model_folder())
    assert score(spec) == before and fingerprint(spec) == code


def test_a_classifier_that_was_written_anew_scores_anew(tmp_path: Path) -> None:
    first, second = classifier_folder(), save_classifier(tmp_path / "second", seed=1)
    folder = Path(shutil.copytree(first, tmp_path / "model"))
    for source in (first, second, first):
        overwrite(folder, source)
        assert score(f"classifier(model='{folder}', label='good')") == score(f"classifier(model='{source}', label='good')")


def test_an_encoder_that_was_written_anew_is_loaded_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        """Embeds every text as the number of bytes of the weights."""

        def __init__(self, name: str, device: str) -> None:
            self.size = (Path(name) / "model.safetensors").stat().st_size

        def embed(self, texts: list[str], batch_size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
            return np.array([[1.0 / self.size if text == SAMPLE.response else 1.0] for text in texts], dtype=np.float32)

    monkeypatch.setattr(semantic, "_Encoder", Encoder)
    spec = f"semantic(model='{folder}')"
    sizes = []
    for extra in (b"", b"more"):
        with open(folder / "model.safetensors", "ab") as file:
            file.write(extra)
        sizes.append((folder / "model.safetensors").stat().st_size)
        assert score(spec) == pytest.approx(1.0 / sizes[-1])
    assert sizes[1] == sizes[0] + 4


def test_both_models_of_a_comparison_count(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(model_folder("builtin:tiny"), tmp_path / "other"))
    alone = outside_code(make_reward(f"kl(model='{folder}', reference='builtin:tiny')"))
    both = outside_code(make_reward(f"exact - 0.1*kl(model='{folder}', reference='{other}')"))
    assert alone == [weights_digest(str(folder))] and both == sorted([*alone, str(weights_digest(str(other)))])
    assert outside_code(make_reward("kl(model='builtin:tiny', reference='builtin:tiny') + semantic + fluency")) == []
