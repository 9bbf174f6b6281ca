from __future__ import annotations

from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from svrag.training.order import Order, Permutations

SIZES = st.integers(1, 4)


@settings(deadline=None, max_examples=40)
@given(
    examples=st.integers(1, 30), batch=SIZES, accumulate=SIZES, processes=SIZES, steps=SIZES, seed=st.integers(0, 99)
)
def test_every_step_takes_the_next_examples_of_one_stream_however_it_is_split(
    examples: int, batch: int, accumulate: int, processes: int, steps: int, seed: int
) -> None:
    def order(size: int, parts: int, count: int, process: int) -> list[list[int]]:
        made = Order(examples, batch=size, accumulate=parts, processes=count, process=process, steps=steps, seed=seed)
        assert len(list(made)) == len(made) == steps * parts
        return list(made)

    per_step = batch * accumulate * processes
    stream = list(chain.from_iterable(order(per_step, 1, 1, 0)))
    split = [order(batch, accumulate, processes, process) for process in range(processes)]
    # Batch by batch, and in each process by process, it is the stream again.
    joined = [number for batches in zip(*split, strict=True) for part in batches for number in part]
    assert joined == stream
    assert [len(part) for part in split[0]] == [batch] * (steps * accumulate)
    # Every example once before any comes again.
    for start in range(0, len(stream) - examples + 1, examples):
        assert sorted(stream[start : start + examples]) == list(range(examples))


def test_the_order_depends_on_the_seed_and_changes_from_one_pass_to_the_next() -> None:
    def stream(seed: int) -> list[int]:
        made = Order(50, batch=50, accumulate=1, processes=1, process=0, steps=2, seed=seed)
        return list(chain.from_iterable(made))

    assert stream(1) == stream(1)
    assert stream(1) != stream(2)
    assert stream(1)[:50] != stream(1)[50:]


@given(groups=st.integers(1, 9), group=SIZES, seed=st.integers(0, 99))
def test_groups_stay_together_and_come_once_before_any_comes_again(groups: int, group: int, seed: int) -> None:
    stream = Permutations(groups * group, seed, group)
    for epoch in range(2):
        first = epoch * groups * group
        rows = [[stream(first + i * group + j) for j in range(group)] for i in range(groups)]
        assert sorted(rows) == [list(range(i * group, (i + 1) * group)) for i in range(groups)]
