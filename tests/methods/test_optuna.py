"""Optuna's samplers by name, every space as a ConfigSpace, and the page on other optimisers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nasrepro.oracles.compat.configspace import arch_of, configuration_space
from nasrepro.suite.cli.search import _method
from nasrepro.suite.errors import BudgetExhausted, InvalidArch, NasreproError, UnknownName
from nasrepro.suite.registry import Method, load_oracle, methods, oracles
from nasrepro.suite.search import Budget, Session

PAGE = Path(__file__).parents[2] / "docs/pages/how-to/optimiser.md"


def searched(entry: Method, queries: int = 40, oracle: str = "digits201", **params: str) -> Session:
    opened = load_oracle(oracle)
    dataset = opened.info.datasets[0].name
    session = Session(
        opened, dataset=dataset, epochs=opened.epochs(dataset)[-1], budget=Budget(queries=queries)
    )
    with pytest.raises(BudgetExhausted):
        entry.search(session, np.random.default_rng(0), **entry.params(params))
    return session


@pytest.mark.parametrize(
    "sampler", ["TPESampler", "NSGAIISampler", "RandomSampler", "CmaEsSampler"]
)
def test_any_sampler_runs_by_its_name(sampler: str) -> None:
    session = searched(_method(f"optuna:{sampler}"))
    assert session.queries == 40 and all(d.epochs == 30 for d in session.ledger.evaluations)


def test_its_seed_is_the_runs() -> None:
    entry = methods.get("optuna")
    first, second = (searched(entry).ledger.evaluations for _ in range(2))
    assert first == second


def test_tpe_finds_better_cells_than_its_random_start() -> None:
    scores = [d.score for d in searched(methods.get("optuna"), 120).ledger.evaluations]
    assert np.mean(scores[-40:]) > np.mean(scores[:10]) + 0.05


def test_a_pruner_trains_step_by_step_and_stops_most() -> None:
    session = searched(methods.get("optuna"), 150, pruner="SuccessiveHalvingPruner")
    counts = Counter(done.epochs for done in session.ledger.evaluations)
    assert sorted(counts) == [1, 3, 10, 30] and counts[1] > counts[3] > counts[30] > 0


def test_suggestions_that_are_no_architecture_do_not_stop_it(real: Callable[[str], object]) -> None:
    real("nasbench101_slice")
    session = searched(methods.get("optuna"), 12, "nasbench101_slice", sampler="RandomSampler")
    assert session.queries == 12


def test_names_that_are_none_say_so() -> None:
    entry = methods.get("optuna")
    with pytest.raises(UnknownName, match=r"sampler of Optuna: 'TPE'.*TPESampler"):
        searched(entry, sampler="TPE")
    with pytest.raises(NasreproError, match="random_search has no parameter"):
        _method("random_search:fast")


# -- ConfigSpace -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", oracles.names())
def test_every_space_is_a_configspace(name: str) -> None:
    space = oracles.get(name).info.space
    made = configuration_space(space, seed=0)
    assert len(made) == len(space.cardinalities)
    assert [each.size for each in made.values()] == list(space.cardinalities)
    for configuration in made.sample_configuration(5):
        code = tuple(int(option) for _, option in sorted(configuration.items()))
        try:
            assert arch_of(space, configuration).code == code
        except InvalidArch:
            with pytest.raises(InvalidArch):
                space.arch(code)


# -- the page --------------------------------------------------------------------------------------
@pytest.mark.parametrize("place", [0, 1])
def test_the_methods_of_the_page_run(place: int, tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "mine.py").write_text(code[place], encoding="utf-8")
    session = searched(methods.from_file(tmp_path / "mine.py"))
    assert session.queries == 40
