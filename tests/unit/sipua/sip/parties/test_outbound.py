"""By which trunks a number is called."""

from __future__ import annotations

import random
from collections import Counter

from sipua.sip.parties.outbound import Carrier, Choice, Rule, choose

RNG = random.Random(1)
GERMANY = Rule("germany", ("+49", "+43"), (Carrier("dear", 1.2), Carrier("cheap", 0.8)))
BERLIN = Rule("berlin", ("+4930",), (Carrier("local"),))
OTHERS = Rule("others", (), (Carrier("second"), Carrier("first")), "listed")
RULES = (OTHERS, GERMANY, BERLIN)


def trunks(choice: Choice | None) -> list[str]:
    assert choice is not None
    return [one.trunk for one in choice.carriers]


def test_the_longest_prefix_counts_and_the_cheapest_is_first() -> None:
    choice = choose(RULES, "+49891234", RNG)
    assert choice is not None
    assert (choice.rule.name, choice.prefix) == ("germany", "+49")
    assert trunks(choice) == ["cheap", "dear"]
    assert trunks(choose(RULES, "+49 30 1234", RNG)) == ["local"]
    assert trunks(choose(RULES, "+431234", RNG)) == ["cheap", "dear"]


def test_a_rule_without_a_prefix_is_for_all_others_in_its_order() -> None:
    assert trunks(choose(RULES, "201", RNG)) == ["second", "first"]
    assert choose(RULES[1:], "201", RNG) is None


def test_the_same_price_is_shared_by_weight() -> None:
    rule = Rule("shared", (), (Carrier("a", 1.0, 300), Carrier("b", 1.0), Carrier("c", 2.0)))
    firsts = Counter(trunks(choose([rule], "1", RNG))[0] for _ in range(400))
    assert set(firsts) == {"a", "b"}
    assert 230 < firsts["a"] < 370
    assert {trunks(choose([rule], "1", RNG))[2] for _ in range(20)} == {"c"}
