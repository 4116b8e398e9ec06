import math

import pytest

from mlpcli.nn.schedules import SCHEDULES, Schedule, plateau


def factors(name, times, epochs=10, **given):
    factor = SCHEDULES[name](**given)
    return [factor(done, epochs) for done in times]


def test_constant_stays():
    assert factors("constant", (0.0, 3.5, 10.0)) == [1.0, 1.0, 1.0]


def test_step_falls_at_whole_multiples():
    times = (0, 2.9, 3, 5.99, 6, 9)
    assert factors("step", times, decay=0.5, every=3) == [1.0, 1.0, 0.5, 0.5, 0.25, 0.125]


def test_exponential_falls_smoothly_by_its_factor_per_epoch():
    assert factors("exponential", (0, 0.5, 1, 3), decay=0.25) == pytest.approx([1, 0.5, 0.25, 1 / 64])


def test_inverse_scaling_worked_by_hand():
    assert factors("inverse-scaling", (0, 3, 8, 99), power=0.5) == pytest.approx([1, 1 / 2, 1 / 3, 1 / 10])
    assert factors("inverse-scaling", (0, 1, 9), power=1.0) == pytest.approx([1, 1 / 2, 1 / 10])


def test_cosine_goes_from_one_through_a_half_to_zero():
    # cos 60 degrees is 1/2
    assert factors("cosine", (0.0, 10 / 3, 5.0, 10.0)) == pytest.approx([1.0, 0.75, 0.5, 0.0], abs=1e-15)


def test_one_cycle_rises_and_falls():
    # To 1 within three tenths, half of the way up at half of that time, half of the way down midway in the rest.
    found = factors("one-cycle", (0.0, 1.5, 3.0, 6.5, 10.0))
    assert found == pytest.approx([0.04, 0.52, 1.0, (1 + 4e-6) / 2, 4e-6])
    many = factors("one-cycle", [i / 100 for i in range(1001)])
    assert many[:301] == sorted(many[:301])
    assert many[300:] == sorted(many[300:], reverse=True)


@pytest.mark.parametrize(
    ("losses", "factor"),
    [
        ([], 1.0),
        ([5.0], 1.0),
        ([5.0, 4.0, 3.0, 2.0, 1.0], 1.0),
        ([5.0, 5.0], 1.0),  # one epoch without a lower loss
        ([5.0, 5.0, 6.0], 0.1),  # two
        ([5.0, 6.0, 5.0, 6.0], 0.1),  # it has waited anew for one
        ([5.0, 6.0, 6.0, 6.0, 6.0], 0.01),
        ([5.0, 6.0, 4.0, 6.0], 1.0),  # a lower one begins the wait again
        ([5.0, 6.0, 6.0, 4.0, 3.0], 0.1),  # what was reduced stays so
    ],
)
def test_plateau_on_losses_made_by_hand(losses, factor):
    assert plateau(losses, 0.1, 2) == pytest.approx(factor)
    assert Schedule(7.0, SCHEDULES["plateau"](), 10, decay=0.1, patience=2).reduced(losses) == pytest.approx(factor)


def test_only_a_plateau_looks_at_losses():
    assert Schedule(7.0, SCHEDULES["constant"](), 10, decay=0.1).reduced([1.0] * 50) == 1.0


def test_the_rate_of_each_step():
    schedule = Schedule(8.0, SCHEDULES["step"](decay=0.5, every=1), 3)
    assert [schedule.at(epoch, step, 2) for epoch in range(3) for step in range(2)] == [8, 8, 4, 4, 2, 2]
    schedule = Schedule(2.0, SCHEDULES["cosine"](), 2)
    assert schedule.at(0, 0, 4) == 2.0
    assert schedule.at(1, 0, 4) == pytest.approx(1.0)
    assert schedule.at(1, 2, 4) == pytest.approx(1 + math.cos(math.radians(135)))


def test_warmup_is_linear_and_the_schedule_begins_after_it():
    # 2 of 6 epochs, 4 steps in each: an eighth more each step, up to all of it at the eighth step.
    schedule = Schedule(16.0, SCHEDULES["cosine"](), 6, warmup=2.0)
    assert [schedule.at(i // 4, i % 4, 4) for i in range(9)] == [2, 4, 6, 8, 10, 12, 14, 16, 16]
    assert schedule.at(4, 0, 4) == pytest.approx(8.0)  # half of the other four
    assert schedule.at(5, 3, 4) > 0


def test_a_warmup_of_part_of_an_epoch():
    schedule = Schedule(1.0, SCHEDULES["constant"](), 3, warmup=0.5)
    assert [schedule.at(0, i, 8) for i in range(8)] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    # Shorter than a step, or not a whole number of them: never more than the rate.
    assert Schedule(1.0, SCHEDULES["constant"](), 3, warmup=0.1).at(0, 0, 2) == 1.0
    assert max(Schedule(1.0, SCHEDULES["constant"](), 3, warmup=0.3).at(0, i, 7) for i in range(7)) == 1.0


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_schedule_exceeds_its_rate_or_falls_below_zero(name):
    given = {
        "step": {"decay": 0.1, "every": 2},
        "exponential": {"decay": 0.9},
        "inverse-scaling": {"power": 0.7},
    }.get(name, {})
    schedule = Schedule(0.5, SCHEDULES[name](**given), 9, warmup=1.5)
    rates = [schedule.at(epoch, step, 7) for epoch in range(9) for step in range(7)]
    assert min(rates) > 0
    assert max(rates) == pytest.approx(0.5)
