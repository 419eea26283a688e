"""Every mutation is caught; see `mutations`."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutations import MUTATIONS, broken, copied, is_caught

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("mutated"))


@pytest.mark.parametrize("name", MUTATIONS)
def test_it_is_caught(name: str, copy: Path) -> None:
    ended = broken(copy, name)
    assert is_caught(ended), ended
