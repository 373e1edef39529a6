"""Trains one of RecBole's models and prints what it lists, as one line of JSON. `peers_neural` runs it.

    python recbole_run.py 120 '{"model": "SASRec", "dataset": "next", …}'

The arguments are the seconds after which no further epoch begins, and RecBole's configuration; what that does not name
is at RecBole's defaults. It is run by the interpreter of RecBole's environment, leaves logs and weights in the folder
it runs in, and imports nothing of recengine.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import cat_interactions
from recbole.model.abstract_recommender import AutoEncoderMixin
from recbole.utils import get_model, get_trainer, init_seed

K = 10


class Enough(Exception):
    """The time is up."""


def main() -> None:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # it warns of every person who watched much
    limit, options = float(sys.argv[1]), json.loads(sys.argv[2])
    del sys.argv[1:]  # RecBole would look for options of its own there
    config = Config(config_dict=options)
    init_seed(config["seed"], config["reproducibility"])
    train, validation, test = data_preparation(config, create_dataset(config))
    init_seed(config["seed"], config["reproducibility"])
    model = get_model(config["model"])(config, train._dataset)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)

    found: list[float] = []
    start = time.perf_counter()

    def after(_epoch: int, value: float) -> None:  # called once the weights are kept, if they are the best
        found.append(value)
        if time.perf_counter() - start > limit:
            raise Enough

    ended = False
    with suppress(Enough):
        trainer.fit(train, validation, verbose=False, callback_fn=after)
        ended = len(found) < config["epochs"]
    seconds = time.perf_counter() - start

    # PyTorch reads arrays alone unless told otherwise, and RecBole keeps its configuration beside them.
    model.load_state_dict(torch.load(trainer.saved_model_file, weights_only=False)["state_dict"])
    parts = [train._dataset, validation._dataset]
    if isinstance(model, AutoEncoderMixin):
        # It would answer from what it learned from alone; ours are told what was held back for validation too.
        model.build_histroy_items(parts[0].copy(cat_interactions([part.inter_feat for part in parts])))
    lists = dict(listed(trainer, test, sum(part.inter_matrix("csr") for part in parts)))
    print(json.dumps({"seconds": seconds, "epochs": len(found), "ended": ended, "lists": lists}))


@torch.no_grad()
def listed(trainer: Any, test: Any, watched: Any) -> Iterator[tuple[str, list[str]]]:
    """Each person, and the ten best movies for them among those not watched before, best first, by their names.

    RecBole's sequence models would list what was watched again; `watched`, csr `(people, movies)`, keeps it out.
    """
    trainer.model.eval()
    for batch in test:
        interaction, score, *_ = trainer._full_sort_batch_eval(batch)  # (b, movies), the first of which is padding
        people = interaction["user_id"].numpy()
        score[torch.from_numpy(watched[people].toarray() > 0)] = -torch.inf
        best = score.topk(K).indices.numpy()
        names = (test._dataset.id2token(field, ids) for field, ids in (("user_id", people), ("item_id", best)))
        yield from ((str(person), list(map(str, row))) for person, row in zip(*names, strict=True))


if __name__ == "__main__":
    main()
