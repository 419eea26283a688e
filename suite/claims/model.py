"""A claim: a published statement, how it is tested, and the verdict that was recorded."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args

from pydantic import Discriminator, model_validator

from nasrepro.suite.claims.fragility import Fragility, test_hash
from nasrepro.suite.claims.kinds import KINDS, Formula, StudyRow
from nasrepro.suite.claims.needs import Need
from nasrepro.suite.claims.rules import Judgement
from nasrepro.suite.claims.statement import READ, Grade, Statement
from nasrepro.suite.claims.test import Test

#: What can be recorded: "not judged" says nothing of the claim, only that this machine has no
#: results for it.
RECORDED: tuple[Judgement, ...] = tuple(
    verdict for verdict in get_args(Judgement) if verdict != "not judged"
)
#: By one of the kinds, which its `kind` tells.
if TYPE_CHECKING:
    AnyTest = Test
else:
    AnyTest = Annotated[Union[*KINDS.values()], Discriminator("kind")]


class Claim(Statement):
    """One published statement that can be held against what was measured, or the reason why not.

    In a file, one of the keys `KINDS` says how it is tested; none of them (then `needs` says what
    is missing) makes it a blocked one. A test with `needs`, recorded as "blocked", is blocked until
    the results it takes are there.

    Attributes:
        how: the test; None of a blocked claim.
        recorded: the recorded verdict; "" where none was recorded yet.
        fragility: how often the verdict flips, by what was varied, where that was measured.
    """

    how: AnyTest | None = None
    recorded: str = ""
    fragility: tuple[Fragility, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _by_key(cls, raw: Any) -> Any:
        """The key that says how a claim is tested becomes the kind of its test."""
        if not isinstance(raw, dict) or "how" in raw:
            return raw
        given = [key for key in KINDS if key in raw]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; a claim has one of them")
        rest = {name: value for name, value in raw.items() if name not in KINDS}
        if given and not isinstance(raw[given[0]], dict):
            raise ValueError(f"`{given[0]}` is a table: {given[0]} = {{ ... }}")
        return {**rest, "how": {"kind": given[0], **raw[given[0]]}} if given else rest

    @model_validator(mode="after")
    def _whole(self) -> Claim:
        if self.how is None and not self.needs:
            raise ValueError(
                f"the claim has no test; give one of {', '.join(KINDS)}; or `needs`, what "
                "is missing"
            )
        if self.how is not None and self.kind != "order" and self.value is None:
            raise ValueError("give the published `value`")
        if self.grade == "ours" and not self.reason:
            raise ValueError("a claim with grade ours needs a `reason` that says what is ours")
        return self

    @property
    def stability(self) -> tuple[Fragility, ...]:
        """What of `fragility` was measured of this test; of another one it says nothing."""
        return tuple(each for each in self.fragility if each.test == self.test_hash)

    @property
    def unstable(self) -> str:
        """By what its verdict flips too often to be one, in words; "" where by nothing."""
        return ", ".join(str(each) for each in self.stability if each.fragile)

    @property
    def test_hash(self) -> str:
        """Hash of all that its verdict depends on."""
        return test_hash(self.model_dump(mode="json"))

    @property
    def kind(self) -> str:
        """How it is tested: one of `KINDS`, or "blocked"."""
        return "blocked" if self.how is None else self.how.kind

    @cached_property
    def results(self) -> tuple[Need, ...]:
        """What it takes from a store."""
        return () if self.how is None else self.how.needs()

    def seeds_of(self, block: int = 0) -> range:
        """The seeds it is judged with: the first ones, or those of another, disjoint block."""
        return range(0) if self.how is None else self.how.seeds(self, block)

    def in_block(self, block: int) -> Claim:
        """The claim with the test that is judged by the seeds of a block."""
        if not isinstance(self.how, StudyRow):
            return self
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return Claim(**{**fields, "how": self.how.in_block(block)})

    @property
    def said(self) -> Grade:
        """What its figure says of the paper."""
        return self.grade or ("measured" if self.how is None else self.how.grade)

    @property
    def read(self) -> bool:
        """Whether the text behind it, and behind every figure of its formula, was read."""
        figures = not isinstance(self.how, Formula) or self.how.read
        return self.source in READ and figures
