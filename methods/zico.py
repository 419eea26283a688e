"""ZiCo: zero-shot search (Li et al., ICLR 2023, arXiv:2301.11300, Algorithm 1 and Table 4).

    "rank":    score `candidates` random architectures, or all; train the best one
    "evolve":  F <- {a random architecture}                       # Algorithm 1
               repeat `steps` times:
                   a <- mutation of a random member of F
                   if a is within the limits: score it and add it to F; if |F| > `population` drop
                       the lowest
               train the best of F
    The score is ZiCo, or any other scorer; nothing is trained but the one that is returned.

Deviations:
    - Scores are stored once and read by every search that scores with the same inputs; a search
      that reads them books the CPU seconds that they took when they were made; the scatter of
      weights and batches is then not in intervals over seeds. Where the stored ones are part of a
      space, `stored` confines "rank" to them. Without stored scores each search draws its own
      weights and batches.
    - Functionally equal architectures are scored once, as their canonical form, without dead parts.
    - Mutation is the space's own; the authors' changes the blocks of their own space, by two at a
      time.
    - `candidates` and `steps` are our choice (the paper: all of NAS-Bench-201; 100,000 steps): a
      network takes about a second.
    - Images are the data set's own where they ship with the package, else random; the paper: real
      ones (`data` "cifar10", or "cifar10_jpeg" for the JPEG copy).
"""

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import method, scorers
from nasrepro.suite.scoring import ScoringSetting, StoredScorer
from nasrepro.suite.space import Arch

STRATEGIES = ("rank", "evolve")


#: Spaces of more architectures are sampled, not listed.
LISTED = 1_000_000


@method(
    "zico",
    paper="arXiv:2301.11300",
    floating=True,
    at_least={"candidates": 0},
    strategy="rank",
    scorer="zico",
    candidates=25,
    stored=True,
    steps=1000,
    population=512,
    max_params=0,
    max_macs=0,
    batch=128,
    batches=2,
    data="",
    network={},
)
def search(
    session,
    rng,
    *,
    strategy,
    scorer,
    candidates,
    stored,
    steps,
    population,
    max_params,
    max_macs,
    batch,
    batches,
    data,
    network,
):
    """Rank or evolve by a score of untrained networks, then evaluate the best one.

    Args:
        session: the search session.
        rng: random generator.
        strategy: "rank" or "evolve".
        scorer: name of the scorer.
        candidates: architectures that "rank" scores; 0: all.
        stored: whether "rank" keeps to architectures whose scores are stored, where there are any.
        steps: mutations of "evolve".
        population: most members of F.
        max_params: most parameters, 0: no limit.
        max_macs: most MACs, 0: no limit.
        batch: images in a batch.
        batches: number of batches.
        data: "random", or a set of images; the data set's own if not given.
        network: parameters of the scored network that differ from the benchmark's.
    """
    if strategy not in STRATEGIES:
        raise NasreproError(f"zico: strategy {strategy!r} is neither of {', '.join(STRATEGIES)}")

    def judge_of(seed):
        setting = ScoringSetting(batch, batches, data, seed, network)
        return StoredScorer.of(
            session.space, session.dataset, session.batch, scorers.get(scorer), setting
        )

    def within(arch):
        size = session.complexity(arch)
        return size.params <= (max_params or size.params) and size.macs <= (max_macs or size.macs)

    with session.charge("proxy") as took:
        judge = judge_of(0)
        if not judge.stored:
            judge = judge_of(int(rng.integers(2**31)))
        if strategy == "rank":
            members = _ranked(session.space, rng, judge, within, candidates, stored)
        else:
            members = _evolved(session.space, rng, judge, within, steps, population)
        took(judge.took_s)
    if not members:
        raise NasreproError(
            f"zico: no architecture tried has at most {max_params:,} parameters and {max_macs:,} "
            "MACs (0: no limit)"
        )
    best = max(members, key=judge.score)
    session.log(
        "zero_shot",
        scored=len(members),
        score=judge.score(best),
        stored=len(judge.stored),
        inputs=str(judge.inputs),
    )
    session.evaluate(best)
    return best


def _ranked(space, rng, judge, within, candidates, stored):
    """Random architectures, each functionally distinct one once, with their scores computed."""
    found: dict[Arch, Arch] = {}
    for arch in _in_random_order(space, rng, candidates):
        if (judge.has(arch) or not (stored and judge.stored)) and within(arch):
            judge.score(found.setdefault(space.canonical(arch), arch))
            if len(found) == candidates:
                break
    return list(found.values())


def _in_random_order(space, rng, candidates):
    """All architectures in random order.

    Of a space too large to be listed, random draws, 100 for each wanted.
    """
    if len(space) > LISTED:
        return (space.sample(rng) for _ in range(100 * candidates))
    archs = list(space)
    return (archs[index] for index in rng.permutation(len(archs)))


def _evolved(space, rng, judge, within, steps, population):
    """Algorithm 1 of ZiCo.

    The first member is the first random architecture within the limits, of at most `steps` tried.
    """
    members: list[Arch] = []
    for _ in range(steps):
        arch = (
            space.mutate(members[int(rng.integers(len(members)))], rng)
            if members
            else space.sample(rng)
        )
        if within(arch):
            members.append(arch)
            if len(members) > population:
                members.remove(min(members, key=judge.score))
            judge.score(arch)
    return members
