"""The one training loop: what is kept, when it stops, and that it repeats itself."""

import threading
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from recengine import registry
from recengine.data.dataset import Query
from recengine.errors import Cancelled, ModelError
from recengine.model import Context
from recengine.models.learned import Weights
from recengine.models.neural import train as train_module
from recengine.models.neural.train import Schedule, Validation, device, rebuild, train
from recengine.store import Store


def line():
    return torch.nn.Linear(3, 1)


def squares(network, batch, rng):
    """Squared error on examples that a line fits."""
    x = torch.tensor(np.eye(3, dtype=np.float32)[batch % 3])
    return ((network(x)[:, 0] - torch.tensor(batch % 3, dtype=torch.float32)) ** 2).mean()


def drift(network, batch, rng):
    """A loss whose gradient is 1 everywhere: each step of Adam moves all weights down by the learning rate."""
    return sum(parameter.sum() for parameter in network.parameters())


SCHEDULE = Schedule(epochs=12, batch_size=4, learning_rate=0.1, patience=3)


def test_a_line_is_learned_and_the_curve_tells_of_it():
    weights, curve = train(line, squares, 30, Schedule(60, 4, 0.05), Context(), name="line")
    network = rebuild(line, weights)
    assert network(torch.eye(3))[:, 0].tolist() == pytest.approx([0, 1, 2], abs=0.02)
    assert curve.loss.shape == curve.validation.shape == curve.seconds.shape == (60,)
    assert curve.loss[-1] < 0.01 * curve.loss[0]
    assert (np.diff(curve.seconds) >= 0).all()
    assert np.isnan(curve.validation).all()
    assert curve.best == 60


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_weights_of_the_best_epoch_are_kept_and_patience_ends_the_training(higher_is_better):
    seen, values = [], iter([1.0, 3.0, 4.0, 2.0, 3.9, 4.0, 9.0])

    def measure(network):
        seen.append(network.weight.detach().clone().numpy())
        value = next(values)
        return value if higher_is_better else -value

    weights, curve = train(
        line, drift, 8, SCHEDULE, Context(), Validation("made up", higher_is_better, measure), name="x"
    )
    assert len(curve.loss) == 6  # the third was best, and three more were no better: an equal one is not
    assert curve.best == 3
    np.testing.assert_array_equal(dict(zip(weights.names, weights.arrays, strict=True))["weight"], seen[2])
    assert not np.array_equal(seen[2], seen[5])
    assert curve.metric == "made up"


def test_without_a_validation_the_last_weights_are_kept():
    first, _ = train(line, drift, 4, Schedule(1, 4, 0.1), Context(), name="x")
    third, curve = train(line, drift, 4, Schedule(3, 4, 0.1), Context(), name="x")
    assert curve.best == len(curve.loss) == 3
    np.testing.assert_allclose(first.arrays[0] - third.arrays[0], 0.2, atol=1e-3)


def test_what_could_not_be_measured_is_not_the_best():
    values = iter([float("nan"), float("nan"), 2.0, float("nan"), 1.0])
    validation = Validation("made up", True, lambda network: next(values))
    _, curve = train(line, drift, 4, Schedule(5, 4, 0.1, patience=9), Context(), validation, name="x")
    assert curve.best == 3


def test_a_network_comes_back_without_a_random_number_drawn():
    """Those of a training that goes on meanwhile would be others."""
    weights, _ = train(with_dropout, squares, 8, SCHEDULE, Context(), name="x")
    before, x = torch.random.get_rng_state(), torch.eye(3)
    found = rebuild(with_dropout, weights)
    assert torch.equal(before, torch.random.get_rng_state())
    weight, bias = (torch.tensor(array) for array in weights.arrays)
    torch.testing.assert_close(found(x), x @ weight.T + bias, rtol=0, atol=1e-6)
    assert not any(parameter.requires_grad for parameter in found.parameters())


@pytest.mark.parametrize(
    "name", ["autorec", "autorec(by=person)", "multvae", "dnn", "neumf", "caser", "gru4rec", "sasrec"]
)
def test_no_model_draws_random_numbers_but_for_learning(name, make_dataset):
    data = make_dataset(np.random.default_rng(0).integers(1, 6, (20, 12)).astype(float))
    model = registry.parse(name)
    before = torch.random.get_rng_state()
    fitted = model.model_copy(update={"epochs": 1}).fit(data)
    fitted.explain(Query.of_users(data, [3]), 2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_weights_of_another_network_are_not_taken():
    with pytest.raises(RuntimeError, match="Missing key"):
        rebuild(line, Weights((), ()))


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_memory_that_does_not_suffice_is_told_and_the_next_one_trains(error, one_sentence):
    def hungry(network, batch, rng):
        raise error

    with pytest.raises(ModelError, match="smaller batch_size") as refused:
        train(line, hungry, 4, SCHEDULE, Context(), name="x")
    assert one_sentence(str(refused.value))
    train(line, drift, 4, SCHEDULE, Context(), name="x")


@pytest.mark.parametrize("name", ["autorec", "multvae", "dnn", "neumf", "caser", "gru4rec", "sasrec"])
def test_a_network_that_does_not_fit_in_memory_is_refused_beforehand(name, make_dataset, monkeypatch, one_sentence):
    data = make_dataset(np.random.default_rng(0).integers(1, 6, (20, 12)).astype(float))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5000))
    with pytest.raises(ModelError, match=rf"{name} on .*12 movies needs .* choose a smaller batch_size") as refused:
        registry.create(name).fit(data)
    assert one_sentence(str(refused.value))


def test_every_example_is_taken_once_an_epoch_in_a_new_order():
    taken = []

    def note(network, batch, rng):
        taken.append(batch.copy())
        return drift(network, batch, rng)

    train(line, note, 10, Schedule(2, 4, 0.1), Context(), name="x")
    assert [len(batch) for batch in taken] == [4, 4, 2, 4, 4, 2]
    epochs = [np.concatenate(taken[:3]), np.concatenate(taken[3:])]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert not np.array_equal(*epochs)


def test_whoever_watches_sees_each_epoch():
    seen, told = [], []
    context = Context(watch=seen.append, progress=lambda fraction, text: told.append((fraction, text)))
    _, curve = train(line, squares, 8, SCHEDULE, context, Validation("error", False, lambda network: 1.0), name="x")
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4]
    assert [epoch.loss for epoch in seen] == pytest.approx(curve.loss.tolist())
    assert {(epoch.most, epoch.metric, epoch.validation) for epoch in seen} == {(12, "error", 1.0)}
    assert told[0] == (0.0, "epoch 1 of at most 12")
    assert told[-1][0] == 1.0
    assert "error 1.0000, best 1.0000" in told[-2][1]


def with_dropout():
    return torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(3, 1))


def test_the_same_seed_gives_the_same_numbers_and_leaves_others_random_numbers_alone():
    before = torch.random.get_rng_state()
    runs = [train(with_dropout, squares, 30, SCHEDULE, Context(seed=seed), name="x") for seed in (5, 5, 6)]
    assert torch.equal(before, torch.random.get_rng_state())
    (a, curve), (b, again), (c, _) = runs
    np.testing.assert_array_equal(a.arrays[0], b.arrays[0])
    np.testing.assert_array_equal(curve.loss, again.loss)
    assert not np.array_equal(a.arrays[0], c.arrays[0])


def test_trainings_at_the_same_time_do_not_disturb_each_other():
    alone, _ = train(with_dropout, squares, 60, SCHEDULE, Context(seed=1), name="x")
    found = {}

    def work(seed):
        found[seed] = train(with_dropout, squares, 60, SCHEDULE, Context(seed=seed), name="x")[0]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found[1].arrays[0], alone.arrays[0])


def test_the_time_that_a_training_waits_for_another_is_told_apart():
    idle, told = [], []

    def progress(fraction, text):
        told.append(text)
        if train_module._turn.locked() and "another" in text:
            train_module._turn.release()

    train_module._turn.acquire()
    train(line, drift, 4, Schedule(1, 4, 0.1), Context(progress=progress, idle=idle.append), name="x")
    assert told[0] == "waiting for another training"
    assert len(idle) == 1
    assert idle[0] > 0.09  # it tries for a tenth of a second before it says so


def test_it_stops_between_batches_and_lets_the_next_one_train():
    taken, patience = [], iter([False] * 5)

    def note(network, batch, rng):
        taken.append(len(batch))
        return drift(network, batch, rng)

    with pytest.raises(Cancelled):
        train(line, note, 100, SCHEDULE, Context(cancelled=lambda: next(patience, True)), name="x")
    assert 0 < len(taken) < 25  # within the first epoch
    train(line, drift, 4, SCHEDULE, Context(), name="x")


def test_a_loss_that_is_no_number_names_the_learning_rate(one_sentence):
    def broken(network, batch, rng):
        return network.weight.sum() * float("nan")

    with pytest.raises(ModelError) as refused:
        train(line, broken, 4, SCHEDULE, Context(), name="sasrec")
    assert "learning_rate=0.1" in str(refused.value)
    assert "sasrec" in str(refused.value)
    assert one_sentence(str(refused.value))


def test_a_cancelled_training_leaves_nothing_in_the_store(tmp_path, make_dataset):
    data = make_dataset(np.random.default_rng(0).integers(1, 6, (20, 12)).astype(float))
    model = registry.create("sasrec", {"factors": 4, "epochs": 3, "length": 10})
    store, seen = Store(tmp_path), []
    context = Context(watch=seen.append, cancelled=lambda: len(seen) == 2)
    with pytest.raises(Cancelled):
        store.fetch({"what": "it"}, lambda: model.fit(data, context))
    assert len(seen) == 2
    assert [path for path in (tmp_path / "artifacts").iterdir() if path.name != "locks"] == []
    kept = store.fetch({"what": "it"}, lambda: model.fit(data)).value
    found = Store(tmp_path).fetch({"what": "it"}, lambda: pytest.fail("it is kept")).value
    query = Query.of_users(data, np.arange(5))
    np.testing.assert_array_equal(found.score(query), model.fit(data).score(query))
    np.testing.assert_array_equal(kept.curve.loss, found.curve.loss)


def test_the_graphics_processor_is_used_where_there_is_one():
    assert device(Context(device="cpu")).type == "cpu"
    assert device(Context()).type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_decaying_learning_rate_rises_first_and_falls_along_half_a_cosine():
    schedule = Schedule(epochs=2, batch_size=1, learning_rate=0.1, decay=True)
    pace = [schedule.pace(step, 100) for step in range(100)]
    assert pace[0] == pytest.approx(0.2)
    assert int(np.argmax(pace)) == 4  # the fifth step ends the first twentieth
    assert pace[50] == pytest.approx(0.5)
    assert pace[99] < 0.001
    assert (np.diff(pace[4:]) < 0).all()
    assert SCHEDULE.pace(0, 100) == SCHEDULE.pace(99, 100) == 1


def test_the_running_mean_of_the_weights_is_what_is_validated_and_kept():
    """Every step moves all weights down by the learning rate, so the mean after each is known."""
    seen = []

    def measure(network):
        seen.append(float(network.bias[0]))
        return float(len(seen))

    schedule = Schedule(epochs=12, batch_size=4, learning_rate=0.1, averaging=0.5)
    weights, _ = train(line, drift, 8, schedule, Context(), Validation("made up", True, measure), name="x")
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        start = line().bias[0].item()
    mean, wanted = start - 0.1, []
    for step in range(2, 25):
        mean += (1 - min(0.5, step / (9 + step))) * (start - 0.1 * step - mean)
        wanted.append(mean)
    assert seen == pytest.approx(wanted[::2], abs=1e-4)
    assert float(dict(zip(weights.names, weights.arrays, strict=True))["bias"][0]) == pytest.approx(seen[-1])
