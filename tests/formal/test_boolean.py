"""Every Boolean function: all methods against the table; fewest implicants against brute force."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc import keys
from snarc.errors import FormalError, LimitError
from snarc.formal import boolean, compute, evaluate, minimise, parity, parse_logic, prime_implicants, rows, truth_table


def test_200_random_functions_are_exact_with_ones_plus_one_units():
    generator = keys.generator(0, "functions")
    for k in range(200):
        n = 1 + k % 10
        table = generator.random(2**n) < generator.random()
        made = boolean(table)
        assert made.check()
        assert made.network.computed == table.sum() + 1
        assert made.network.exact


@given(st.integers(1, 6).flatmap(lambda n: st.lists(st.booleans(), min_size=2**n, max_size=2**n)))
@settings(max_examples=60, deadline=None)
def test_minimised_networks_are_exact_and_not_larger(table):
    theorem, small = boolean(table), boolean(table, method="minimised")
    assert small.check()
    assert small.hidden <= theorem.hidden
    assert small.minimal


def test_the_exact_network_agrees_with_the_batch():
    made = boolean("x1 xor (x2 and not x3)", method="minimised")
    for row in rows(3).tolist():
        assert (
            compute(made.network, row)[0] == evaluate(made.network, [row])[0, 0] == (row[0] ^ (row[1] & (1 - row[2])))
        )


@given(st.lists(st.booleans(), min_size=8, max_size=8))
@settings(max_examples=40, deadline=None)
def test_fewest_implicants_equal_a_search_through_all_sets(table):
    table = np.array(table)
    points = [tuple(r) for r in rows(3).tolist()]
    terms = list(product((0, 1, 2), repeat=3))

    def on(term):
        return {k for k, p in enumerate(points) if all(t in (2, v) for t, v in zip(term, p))}

    ones = set(np.flatnonzero(table).tolist())
    fits = [on(t) for t in terms if on(t) <= ones]
    fewest = next(k for k in range(9) if any(set().union(*c) == ones for c in combinations(fits, k)))
    chosen, minimal = minimise(table)
    assert minimal
    assert len(chosen) == fewest
    primes = prime_implicants(table)
    maximal = [s for s in fits if not any(s < other for other in fits)]
    assert len(primes) == len({frozenset(s) for s in maximal})


def test_rows_that_do_not_matter_save_implicants():
    table = np.array([0, 0, 0, 1], bool)
    free = np.array([0, 1, 1, 0], bool)
    assert len(minimise(table, free)[0]) == 1
    assert (minimise(table, free)[0] == 2).sum() == 1  # one literal is enough


def test_more_than_12_variables_are_minimised_too():
    table = keys.generator(0, "wide").random(2**14) < 0.02
    made = boolean(table, method="minimised")
    assert made.check()
    assert made.hidden < table.sum()
    assert not made.minimal


@pytest.mark.parametrize("n", range(2, 17))
def test_parity_is_exact_with_3n_minus_3_neurons(n):
    tree = parity(n)
    assert tree.check()
    assert tree.network.computed == 3 * (n - 1)
    assert tree.network.depth == 2 * np.ceil(np.log2(n))
    assert parity(n, negated=True).check()


def test_parity_is_recognised_in_a_table():
    made = boolean("x1 xor x2 xor not x3", method="parity")
    assert made.check()
    assert made.network.computed == 6
    with pytest.raises(FormalError, match="no parity"):
        boolean("x1 and x2", method="parity")
    with pytest.raises(FormalError, match="two at least"):
        parity(1)


@st.composite
def formulas(draw, depth=4):
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["a", "b", "c", "0", "1", "not a"]))
    op = draw(st.sampled_from(["and", "or", "xor", "nand", "nor", "implies", "iff", "&", "|", "^", "->", "<->"]))
    return f"({draw(formulas(depth=depth - 1))} {op} {draw(formulas(depth=depth - 1))})"


PYTHON = {
    "and": lambda p, q: p and q, "or": lambda p, q: p or q, "xor": lambda p, q: p != q,
    "nand": lambda p, q: not (p and q), "nor": lambda p, q: not (p or q), "implies": lambda p, q: (not p) or q,
    "iff": lambda p, q: p == q,
}  # fmt: skip


def meaning(node, values):
    if node.op == "variable":
        return values[node.value]
    if node.op == "constant":
        return node.value
    if node.op == "not":
        return not meaning(node.parts[0], values)
    parts = [meaning(p, values) for p in node.parts]
    out = parts[0]
    for part in parts[1:]:
        out = PYTHON[node.op](out, part)
    return out


@given(formulas())
@settings(deadline=None)
def test_all_methods_compute_the_formula(text):
    tree = parse_logic(text)
    expected = [meaning(tree, dict(zip("abc", map(bool, row)))) for row in rows(3).tolist()]
    assert truth_table(tree, ("a", "b", "c")).tolist() == expected
    for method in ("theorem", "minimised", "gates"):
        made = boolean(text, method=method, names=("a", "b", "c"))
        assert (evaluate(made.network, rows(3))[:, 0] == expected).all()


def test_precedence():
    def table(text):
        return truth_table(parse_logic(text), ("a", "b", "c")).tolist()

    assert table("a or b and c") == table("a or (b and c)") != table("(a or b) and c")
    assert table("not a and b and c") == table("(not a) and b and c")
    assert table("a xor b and c") == table("a xor (b and c)")
    assert table("a or b xor c") == table("a or (b xor c)")
    assert table("a -> b -> c") == table("a -> (b -> c)") != table("(a -> b) -> c")
    assert table("a iff b or c") == table("a iff (b or c)")


def test_gates_take_more_variables_than_a_table():
    text = " and ".join(f"(x{k} or not x{k + 1})" for k in range(1, 40))
    made = boolean(text, method="gates")
    ones, mixed = np.ones((1, 40)), np.ones((1, 40))
    mixed[0, 0] = 0
    assert made.table is None
    assert evaluate(made.network, ones)[0, 0] == 1
    assert evaluate(made.network, mixed)[0, 0] == 0
    with pytest.raises(LimitError, match="at most 20"):
        made.check()


def test_a_predicate_and_rows():
    majority = boolean(lambda p, q, r: p + q + r >= 2, method="minimised")
    assert majority.names == ("p", "q", "r")
    assert majority.hidden == 3
    assert boolean({(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}).check()
    assert boolean([((1, 1), 1)], otherwise=False).table.tolist() == [False, False, False, True]
    assert boolean("0110").table.tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x1 and", 7), ("and x1", 1), ("x1 x2", 4), ("(x1", 4), ("x1)", 3), ("x1 $ x2", 4), ("x1 and 2", 8),
        ("not", 4), ("x1 or (x2 and )", 15), ("", None), ("   ", None), ("x1 ∧ x2", 4),
    ],
)  # fmt: skip
def test_expressions_that_do_not_parse_name_the_place(text, place):
    with pytest.raises(FormalError, match=f"character {place} of" if place else "empty"):
        boolean(text)


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "x" + ")" * 5000, "not " * 5000 + "x", " -> ".join(["x"] * 5000), " iff ".join("x" * 5000)]
)
def test_hostile_nesting_is_refused_and_never_overflows(text):
    with pytest.raises(FormalError, match=r"levels|operators above"):
        boolean(text)


def test_tables_that_contradict_themselves_or_have_gaps():
    with pytest.raises(FormalError, match=r"inconsistent table: inputs \(0, 1\)"):
        boolean([((0, 1), 1), ((0, 1), 0)])
    with pytest.raises(FormalError, match=r"lacks \(0, 0\)"):
        boolean({(0, 1): 1})
    with pytest.raises(FormalError, match="truth table of 3 values"):
        boolean([0, 1, 1])
    with pytest.raises(FormalError, match="row 1 holds 2"):
        boolean([0, 2])
    with pytest.raises(FormalError, match="wanted: 1"):
        boolean([((1,), 1), ((1, 0), 1)])
    with pytest.raises(FormalError, match="without rows"):
        boolean({})
    with pytest.raises(FormalError, match="variable 'z'"):
        boolean("x and z", names=("x", "y"))
    with pytest.raises(FormalError, match="different names"):
        boolean([0, 1, 1, 0], names=("x", "x"))
    with pytest.raises(FormalError, match="method"):
        boolean("x", method="magic")
    with pytest.raises(FormalError, match="one argument a variable"):
        boolean(lambda *bits: True)


def test_too_many_variables_say_why_and_what_else():
    text = " or ".join(f"x{k}" for k in range(21))
    with pytest.raises(LimitError, match=r"2\^21 rows.*method=\"gates\""):
        boolean(text)
    with pytest.raises(LimitError, match="limit=131"):
        boolean(lambda *a: True, names=[f"x{k}" for k in range(17)])
    with pytest.raises(LimitError, match="at most 16"):
        boolean(np.ones(2**17, bool), method="minimised")
    assert boolean(np.ones(2**10, bool), limit=5000).hidden == 1024
    with pytest.raises(LimitError):
        boolean(np.ones(2**10, bool), limit=1000)
