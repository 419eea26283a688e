"""The distribution: pins, the wheel, and what the project's files may name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: The folders that together are the package `nasrepro`.
PARTS = ("suite", "oracles", "methods", "reports")


def pins() -> dict[str, Version]:
    """Version of each distribution in constraints.txt, by canonical name."""
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines), (
        "a constraint is name==version, the name in canonical form"
    )
    assert lines == sorted(set(lines), key=lambda line: line.split("==")[0])
    return {name: Version(version) for name, version in (line.split("==") for line in lines)}


def unpinned(installed: Iterable[Distribution]) -> list[str]:
    """Those of `installed` that constraints.txt does not name in that version.

    A local version (+cpu) is a build of its public one.
    """
    known = pins()
    found = {canonicalize_name(each.name): Version(each.version) for each in installed}
    return [
        f"{name} {version}"
        for name, version in found.items()
        if name != "nasrepro" and Version(version.public) != known.get(name)
    ]


def tracked() -> list[str]:
    """Files of the project, from git."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: git says which files are the project's")
    return subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    project = PROJECT["project"]
    asked = [*PROJECT["build-system"]["requires"], *project["dependencies"]]
    asked += [each for extra in project["optional-dependencies"].values() for each in extra]
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)]), (
            requirement
        )


def test_everything_installed_is_pinned() -> None:
    if "TOX_WORK_DIR" not in os.environ:
        pytest.skip("not under tox: only tox's environments are held to constraints.txt")
    assert not unpinned(distributions()), (
        "not in constraints.txt in that version; where the pins changed, make the environment "
        "anew: tox -r"
    )
    for site in Path(os.environ["TOX_WORK_DIR"]).glob(".pkg*/lib/python*/site-packages"):
        # tox brings the pip of the build environment itself.
        built_with = [each for each in distributions(path=[str(site)]) if each.name != "pip"]
        assert built_with
        assert not unpinned(built_with), "the build environment has something unpinned"


def test_unpinned_is_noticed(tmp_path: Path) -> None:
    for name, version in {"torch": "2.13.0+cpu", "numpy": "1.0", "left_pad": "1.3"}.items():
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
        )
    assert sorted(unpinned(distributions(path=[str(tmp_path)]))) == ["left-pad 1.3", "numpy 1.0"]


def test_no_registry_and_no_mirror_is_named() -> None:
    registry = re.compile(rb"index-url|find-links|pypi\.org|pythonhosted|download\.pytorch")
    mirror = b"/".join((b"shared", b"sources"))
    for name in tracked():
        path = ROOT / name
        if not path.is_file() or path == Path(__file__):
            continue
        text = path.read_bytes()
        assert (mirror in text) == (name == ".ci/run"), (
            f"{name}: the mirror is named in .ci/run, and nowhere else"
        )
        if path.suffix != ".md":  # the README tells a reader how to get the CPU build of torch
            assert not registry.search(text), f"{name} names a package registry"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="the build backend is not installed (extra: test)")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_packages_and_their_data(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in held} == {"nasrepro"}
    project = {name for name in tracked() if (ROOT / name).is_file()}
    parts = {f"nasrepro/{name}" for name in project if name.split("/")[0] in PARTS}
    face = {name for name in project if name.startswith("nasrepro/")}
    assert parts and face and not (parts | face) - held


def test_wheel_runs_outside_the_tree(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment in which only the wheel is installed.

    Its dependencies come from the running one, so no network is needed.
    """
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(pip, cwd=tmp_path, check=True)
    (site / "dependencies.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages")), encoding="utf-8"
    )
    code = (
        "from nasrepro import suite, oracles, methods, reports; print(*(part.__file__ for "
        "part in (suite, oracles, methods, reports)), sep='\\n')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(
        [str(python), "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert {Path(each).resolve().parents[2] for each in found} == {site.resolve()}
    helped = subprocess.run(
        [str(scripts / "nasrepro"), "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert helped.returncode == 0, helped.stderr
