"""Optuna, any sampler of it (Akiba et al., KDD 2019, arXiv:1907.10902).

By its name: `nasrepro run --method optuna:TPESampler`.

    repeat until the budget ends:
        the sampler suggests an option for each decision, all of them categories
        evaluate the architecture, and tell the sampler its score
    with a pruner: train for one length after another, and stop where the pruner says so

Deviations:
    - Samplers and pruners are Optuna's with their defaults, but for the seed. They decide by the
      last bits of floats, so that on other machines a search may differ.
    - Options are categories: samplers for numbers alone (CMA-ES) fall back to what Optuna has for
      them.
    - Suggestions that are no architecture are told as failed; after 20 in a row a random
      architecture is evaluated as a trial. A diverged training is told as failed, too.
    - With a pruner, lengths are those of our Hyperband (a factor of 3 apart); where trainings
      cannot be resumed each pays in full.
"""

import inspect
import warnings
from typing import Any

from nasrepro.methods.nets.halving import rungs
from nasrepro.suite.errors import InvalidArch, NasreproError, UnknownName
from nasrepro.suite.registry import method

#: Suggestions in a row that may be no architectures.
TRIES = 20


@method("optuna", paper="arXiv:1907.10902", floating=True, sampler="TPESampler", pruner="")
def search(session, rng, *, sampler, pruner):
    """Ask a sampler, tell it the score.

    Args:
        session: the search session.
        rng: random generator.
        sampler: class of `optuna.samplers`.
        pruner: class of `optuna.pruners`; "": every training is of full length.
    """
    try:
        import optuna
    except ImportError as error:
        raise NasreproError(
            "method optuna needs the package; run: pip install nasrepro[optimizers]"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = session.space
    lengths = rungs(session.fidelities, 3) if pruner else (session.max_epochs,)
    categories: dict[str, Any] = {
        f"{place} {name}": optuna.distributions.CategoricalDistribution(range(options))
        for place, (name, options) in enumerate(
            zip(space.decisions, space.cardinalities, strict=True)
        )
    }
    seeded = _named(optuna.samplers, "Sampler", sampler)
    pruned = _named(optuna.pruners, "Pruner", pruner or "NopPruner")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental samplers say that they are
        study = optuna.create_study(
            direction="maximize", sampler=seeded(seed=int(rng.integers(2**31))), pruner=pruned()
        )
    failed = 0
    while True:
        with session.charge("sampler"):
            trial = study.ask(categories)
        try:
            arch = space.arch([trial.params[name] for name in categories])
        except InvalidArch:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            failed += 1
            if failed < TRIES:
                continue
            arch = space.sample(rng)
            study.enqueue_trial(dict(zip(categories, arch.code, strict=True)))
            trial = study.ask(categories)
        failed = 0
        _trained(session, study, trial, arch, lengths)


def _trained(session, study, trial, arch, lengths):
    """Train for each length until the pruner stops, and tell the study."""
    import optuna

    for epochs in lengths:
        done = session.evaluate(arch, epochs=epochs)
        if done.score == -float("inf"):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return
        trial.report(done.score, epochs)
        if epochs < lengths[-1] and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
    with session.charge("sampler"):
        study.tell(trial, done.score)


def _named(module, kind, name):
    """A class of Optuna that can be made without arguments."""
    classes = {
        each: getattr(module, each)
        for each in module.__all__
        if each.endswith(kind)
        and not inspect.isabstract(getattr(module, each))
        and all(
            given.default is not given.empty or given.kind is given.VAR_KEYWORD
            for given in inspect.signature(getattr(module, each)).parameters.values()
        )
    }
    if name not in classes:
        raise UnknownName(f"{kind.lower()} of Optuna:", name, classes)
    return classes[name]
