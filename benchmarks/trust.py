"""How far recorded answers are trusted: calibration by the factor on errors that agreement shows.

    python benchmarks/trust.py           # a table
    python benchmarks/trust.py --write   # and into results/benchmarks/trust.md

Needs the recorded answers below AL_BENCH_DATA. A figure is the calibration error (15 bins) of the
test split, in points, a mean over the models of a data set, or over all models. The last line has
for each data set the factor that is best for the models of the other data sets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from pages import published, table

from al_bench.core.hashing import digest
from al_bench.core.metrics import confidence
from al_bench.core.state import Floats
from al_bench.priors import Flat, Given, Recorded, recorded
from al_bench.priors.recorded import path_of, read, spellings
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "trust.md"
FACTORS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5)
SETTINGS = ("as recorded", "0.8 for all", *(f"factor {factor:g}" for factor in FACTORS))
MODELS = {  # by data set: the file, and its models
    "trec_train": ("trec_llms", "llama gemma mistral qwen yi"),
    "babe": (
        "babe_llms",
        "flan_t5_large_0shot mixtral_8x7b_0shot falcon_7b_8shot_cot gpt_3_5_0shot llama_13b_8shot "
        "flan_ul2_8shot zephyr_8shot gpt_3_5_8shot_cot mixtral_8x7b_8shot_cot",
    ),
    "imdb": ("imdb_llms", "gpt_4o_mini claude_3_5_haiku gemini_2_0_flash"),
    "tweeteval_emotion_test": (
        "tweeteval_emotion_gpt",
        "gpt35_zero_shot gpt35_12_shot gpt4_zero_shot gpt4_12_shot",
    ),
}


def errors(name: str) -> Floats:
    """(m, s) calibration errors, in points, of the models of a data set in each of SETTINGS."""
    data = instantiate(plan([f"dataset={name}"])[0].config.dataset).load()
    chance, found = 1 / len(data.class_names), []
    file = f"answers/{MODELS[name][0]}/answers.parquet"
    recorded.SHARED = 1.0  # as errors are seen
    for model in MODELS[name][1].split():
        path = path_of(file)
        seen = read(path, digest(path), (model,), spellings(data.task))[3]
        assert seen is not None  # each file has three models or more
        wrong = 1 - seen
        shares = [np.clip(1 - factor * wrong, chance + recorded.MARGIN, recorded.SUREST)
                  for factor in FACTORS]  # fmt: skip
        own = []
        for accuracy in (1.0, 0.8, *map(float, shares)):
            prior = Recorded(Flat(Given()), file, model, accuracy)
            probs = prior.probabilities(np.zeros(0), data.test.inputs, data.task)
            own.append(100 * confidence(data.test.labels, probs)["ece"])
        found.append(own)
    return np.array(found)


def line(what: str, found: list[Floats]) -> list[str]:
    """A line of the table: the mean of each data set, and of all models."""
    return [what, *(f"{each.mean():.1f}" for each in (*found, np.concatenate(found)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {OUTPUT.name}")
    write = parser.parse_args().write
    found = {name: errors(name) for name in MODELS}
    first = len(SETTINGS) - len(FACTORS)
    best = {
        name: first + int(np.concatenate([each[:, first:] for other, each in found.items()
                                          if other != name]).mean(axis=0).argmin())
        for name in MODELS
    }  # fmt: skip
    chosen = ", ".join(f"{FACTORS[place - first]:g}" for place in best.values())
    body = [line(what, [each[:, s] for each in found.values()]) for s, what in enumerate(SETTINGS)]
    left_out = [each[:, best[name]] for name, each in found.items()]
    body.append(line(f"chosen on the other sets ({chosen})", left_out))
    heads = [f"{name}, {len(each)} models" for name, each in found.items()]
    lines = table(["calibration error, points", *heads, "all models"], body)
    text = "\n".join(
        ["# How far recorded answers are trusted", "", "`python benchmarks/trust.py --write`: "
         "the answers of a model get the accuracy that its agreement with others shows, with its "
         "errors multiplied by a factor for those that models share.", "", *lines, ""]
    )  # fmt: skip
    published(text, OUTPUT, write)


if __name__ == "__main__":
    main()
