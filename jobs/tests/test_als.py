"""The recommender: its pure parts on tiny frames, and whole runs."""

import collections
import math
import random
import types

import numpy as np
import pytest

import whole

SCHEMA = "user_id bigint, movie_id bigint, rating double"
NUMBERS = {"ratings", "users", "items", "held_out", "covered", "coverage", "rmse", "mae",
           "baseline_rmse", "baseline_mae", "rows"}

# Enough for every branch and no more: sweeps and factors are what a fit costs.
QUICK = {"rank": 3, "iterations": 3, "top": 5}


def taste(users=40, movies=30, seed=7):
    """Ratings with a latent structure: even users like even movies, odd ones odd movies.

    Biases cannot tell this; a model with factors can. Users 101 and 102 have
    rated nothing; user 103 has rated every movie; movie 999 has one rating.
    """
    draw = random.Random(seed)
    rows = [(u, m, (4.5 if u % 2 == m % 2 else 1.5) + draw.choice([-0.5, 0.0, 0.5]))
            for u in range(1, users + 1) for m in range(1, movies + 1) if draw.random() < 0.5]
    rows += [(103, m, 3.0) for m in range(1, movies + 1)] + [(103, 999, 5.0)]
    return rows + [(101, None, None), (102, 5, None)]


def known(rows):
    """What of rows is a rating: {(user, movie): mean}."""
    found = collections.defaultdict(list)
    for u, m, r in rows:
        if u is not None and m is not None and r is not None and not math.isnan(r):
            found[u, m].append(r)
    return {key: sum(values) / len(values) for key, values in found.items()}


def damped_means(train):
    """(mean, {movie: bias}, {user: bias}) of [(user, movie, rating)], written another way than the job."""
    users, movies, ratings = (np.array(c) for c in zip(*train))
    mean = ratings.mean()
    by_movie = {m: (ratings[movies == m] - mean).sum() / ((movies == m).sum() + 5) for m in set(movies.tolist())}
    left = ratings - mean - np.array([by_movie[m] for m in movies.tolist()])
    return mean, by_movie, {u: left[users == u].sum() / ((users == u).sum() + 5) for u in set(users.tolist())}


def frame(spark, rows):
    return spark.createDataFrame(rows, SCHEMA).repartition(3)


# Pure parts.

@pytest.mark.parametrize("rows, want", [
    ([], {}),
    ([(1, 1, 4.0)], {(1, 1): 4.0}),
    ([(1, 1, 4.0), (1, 1, 2.0), (1, 1, 3.0), (2, 1, 5.0)], {(1, 1): 3.0, (2, 1): 5.0}),
    ([(None, 1, 4.0), (1, None, 4.0), (1, 1, None), (1, 2, float("nan")), (1, 3, 0.5)], {(1, 3): 0.5}),
    ([(1, 1, None), (1, 1, 4.0)], {(1, 1): 4.0}),
])
def test_known_ratings(als, spark, rows, want):
    got = als.known_ratings(frame(spark, rows), 2)
    assert {(r.user_id, r.movie_id): r.rating for r in got.collect()} == want
    assert got.rdd.getNumPartitions() == 2


def test_known_ratings_lie_the_same_however_they_came(als, spark):
    """Same partitions, same order within each: what a fit that repeats needs."""
    rows = [r for r in taste() if r[2] is not None]
    random.Random(1).shuffle(rows)
    one = als.known_ratings(spark.createDataFrame(rows, SCHEMA).coalesce(1), 2).rdd.glom().collect()
    random.Random(2).shuffle(rows)
    other = als.known_ratings(spark.createDataFrame(rows, SCHEMA).repartition(9), 2).rdd.glom().collect()
    assert one == other and all(one)


def test_split(als, spark):
    rows = [(u, m, float(m % 5)) for u in range(40) for m in range(50)]
    parts = {}
    for seed in (1, 2):
        train, held = (set(map(tuple, f.collect())) for f in als.split(frame(spark, rows), 0.2, seed))
        assert train | held == set(rows) and not train & held
        assert 0.17 < len(held) / len(rows) < 0.23  # 2000 draws: three standard deviations are 0.027
        parts[seed] = held
    assert 0.02 < len(parts[1] & parts[2]) / len(rows) < 0.06  # two seeds draw apart: 0.2 * 0.2
    # A row's part is its own: others may come and go, and its rating may change.
    fewer = frame(spark, [(u, m, 1.0) for u, m, _ in rows if m % 3])
    held = {(r.user_id, r.movie_id) for r in als.split(fewer, 0.2, 1)[1].collect()}
    assert held == {(u, m) for u, m, _ in parts[1] if m % 3}


@pytest.mark.parametrize("holdout, want", [(0.0, 0), (0.999999, 8)])
def test_split_at_its_ends(als, spark, holdout, want):
    assert als.split(frame(spark, [(1, m, 3.0) for m in range(8)]), holdout, 42)[1].count() == want


def test_baseline_is_the_damped_means(als, spark):
    train = [(u, m, r) for (u, m), r in known(taste()).items()]
    mean, movies, users = damped_means(train)
    # 7777 is unknown as user and as movie: what is not known adds nothing.
    asked = [(u, m, 3.0) for u in (1, 2, 103, 7777) for m in (1, 2, 999, 7777)]
    got = {(r.user_id, r.movie_id): r.baseline for r in als.with_baseline(frame(spark, train), frame(spark, asked)).collect()}
    assert got == pytest.approx({(u, m): mean + movies.get(m, 0) + users.get(u, 0) for u, m, _ in asked}, abs=1e-12)


def test_baseline_by_hand(als, spark):
    """Mean 3; movie 1: (+1 +1) / 7, movie 2: -2 / 6; user 1: what is left over 7, user 2: over 6."""
    train = [(1, 1, 4.0), (2, 1, 4.0), (1, 2, 1.0)]
    got = {(r.user_id, r.movie_id): r.baseline
           for r in als.with_baseline(frame(spark, train), frame(spark, [(1, 1, 0.0), (2, 2, 0.0)])).collect()}
    m1, m2 = 2 / 7, -2 / 6
    assert got == pytest.approx({(1, 1): 3 + m1 + ((1 - m1) + (-2 - m2)) / 7, (2, 2): 3 + m2 + (1 - m1) / 6})


def test_evaluate_measures_both_on_the_covered_rows(als, spark):
    nan = float("nan")
    rows = [(4.0, 3.0, 4.5), (2.0, 4.0, 2.0), (5.0, nan, 1.0), (1.0, nan, 5.0)]
    got = als.evaluate(spark.createDataFrame(rows, "rating double, prediction float, baseline double"))
    assert got == pytest.approx({
        "held_out": 4, "covered": 2, "coverage": 0.5, "rmse": math.sqrt((1 + 4) / 2), "mae": 1.5,
        "baseline_rmse": math.sqrt(0.25 / 2), "baseline_mae": 0.25})


@pytest.mark.parametrize("rows, coverage", [([], None), ([(4.0, float("nan"), 3.0)], 0.0)])
def test_evaluate_without_a_prediction(als, spark, rows, coverage):
    got = als.evaluate(spark.createDataFrame(rows, "rating double, prediction float, baseline double"))
    assert got["coverage"] == coverage and got["rmse"] is None and got["baseline_rmse"] is None


def test_best_is_a_stable_sort(als):
    draw = np.random.default_rng(3)
    for _ in range(300):
        scores = draw.integers(0, 4, draw.integers(0, 12)).astype(float)  # few values: many ties
        scores[draw.random(len(scores)) < 0.3] = -np.inf
        k = int(draw.integers(1, 14))
        want = sorted((i for i in range(len(scores)) if scores[i] > -np.inf), key=lambda i: (-scores[i], i))[:k]
        assert als.best(scores, k).tolist() == want


def user(features=None, rated=None):
    return types.SimpleNamespace(user_id=5, rated=rated, features=features)


MOVIES = np.array([10, 20, 30, 40])
FACTORS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [9.0, 9.0]])
POPULAR = np.array([3.0, 3.5, 2.0, 4.0])
ALLOWED = np.array([True, True, True, False])


@pytest.mark.parametrize("who, top, want", [
    (user([1.0, 2.0], [20]), 9, [(5, 1, 30, 3.0), (5, 2, 10, 1.0), (5, 3, 40, 27.0)]),
    (user([1.0, 2.0], [20]), 2, [(5, 1, 30, 3.0), (5, 2, 10, 1.0)]),
    (user([1.0, 2.0], [20]), 1, [(5, 1, 30, 3.0)]),
    (user([1.0, 2.0]), 9, [(5, 1, 30, 3.0), (5, 2, 20, 2.0), (5, 3, 10, 1.0), (5, 4, 40, 27.0)]),
    (user([-1.0, -2.0], [10, 20, 30, 40]), 9, []),
    (user(None, [40]), 2, [(5, 1, 20, 3.5), (5, 2, 10, 3.0)]),
    (user(None, [10]), 9, [(5, 1, 20, 3.5), (5, 2, 30, 2.0), (5, 3, 40, 4.0)]),
])
def test_recommend_for(als, who, top, want):
    popular = POPULAR.copy()
    assert als.recommend_for(who, MOVIES, FACTORS, popular, ALLOWED, top) == want
    assert (popular == POPULAR).all()  # shared by all users of a worker


# Whole runs.

@pytest.fixture(scope="module")
def night(als, spark, tmp_path_factory):
    """One run on all of taste(), from a CSV as MovieLens has it: rows, metrics, recommendations, order of writes."""
    folder, rows = tmp_path_factory.mktemp("als"), taste()
    file = whole.csv_file(folder / "ratings.csv", ["userId", "movieId", "rating", "timestamp"],
                          [(*row, 1000 + i) for i, row in enumerate(rows)])
    with whole.watched(als.nightjob, folder / "out") as written:
        metrics = whole.run(spark, als, file, folder / "out", **QUICK)
    return types.SimpleNamespace(rows=rows, metrics=metrics, out=recommended(spark, folder / "out"), written=written)


def recommended(spark, folder):
    """[(user, rank, movie, score)] in order."""
    made = spark.read.parquet(str(folder / "recommendations"))
    assert made.dtypes == [("user_id", "bigint"), ("rank", "int"), ("movie_id", "bigint"), ("score", "double")]
    return sorted(map(tuple, made.collect()))


def test_metrics_are_complete(night):
    ratings = known(night.rows)
    m = night.metrics
    assert {k for k, v in m.items() if not isinstance(v, dict)} == NUMBERS
    assert (m["ratings"], m["users"], m["items"]) == (len(ratings), 41, 31)
    assert m["rows"] == len(night.out) > 0
    assert m["settings"] == {"rank": 3, "reg": 0.15, "iterations": 3, "top": 5, "min_ratings": 10,
                             "holdout": 0.2, "seed": 42, "partitions": whole.PARTITIONS}


def test_errors_are_of_the_same_rows(als, spark, night):
    """held_out, coverage and the baseline, from the split and numpy alone."""
    ratings = als.known_ratings(frame(spark, night.rows), 2)
    train, held = ([tuple(r) for r in f.collect()] for f in als.split(ratings, 0.2, 42))
    users, movies = {u for u, _, _ in train}, {m for _, m, _ in train}
    covered = [(u, m, r) for u, m, r in held if u in users and m in movies]
    mean, by_movie, by_user = damped_means(train)
    off = np.array([mean + by_movie[m] + by_user[u] - r for u, m, r in covered])
    m = night.metrics
    assert (m["held_out"], m["covered"]) == (len(held), len(covered))
    assert m["coverage"] == pytest.approx(len(covered) / len(held))
    assert m["baseline_rmse"] == pytest.approx(math.sqrt((off ** 2).mean()), abs=1e-9)
    assert m["baseline_mae"] == pytest.approx(np.abs(off).mean(), abs=1e-9)


def test_the_model_learns_what_biases_cannot(night):
    assert night.metrics["rmse"] < 0.8 < 1.2 < night.metrics["baseline_rmse"]
    assert night.metrics["mae"] <= night.metrics["rmse"]


def test_every_user_gets_the_top_without_what_they_rated(night):
    ratings = known(night.rows)
    rated = collections.defaultdict(set)
    for u, m in ratings:
        rated[u].add(m)
    movies = {m for _, m in ratings}
    got = collections.defaultdict(list)
    for u, rank, m, score in night.out:
        got[u].append((rank, m, score))
    for u in {u for u, _, _ in night.rows}:
        want = min(5, len(movies - rated[u]))
        assert [rank for rank, _, _ in got[u]] == list(range(1, want + 1)), u
        assert len({m for _, m, _ in got[u]} & (movies - rated[u])) == want, u
        assert (scores := [s for _, _, s in got[u]]) == sorted(scores, reverse=True), u
    assert 103 not in {u for u, _, _, _ in night.out}  # has rated every movie
    assert set(got) <= {u for u, _, _ in night.rows}


def test_recommendations_are_of_ones_own_taste(night):
    """Every user but the made-up ones has at least five unseen movies of their taste."""
    first = [(u, m) for u, rank, m, _ in night.out if rank == 1 and u <= 40]
    assert len(first) == 40 and all(u % 2 == m % 2 for u, m in first)


def test_scores_are_the_models(als, spark, night):
    """What is recommended is what the model of all ratings predicts for that pair."""
    args, _ = whole.arguments(als, "x", "y", **QUICK)
    model = als.fit(als.known_ratings(frame(spark, night.rows), 2), args)
    pairs = [(u, m, s) for u, _, m, s in night.out if u <= 40]
    predicted = model.transform(frame(spark, pairs)).collect()
    assert len(predicted) == len(pairs)
    assert [r.prediction for r in predicted] == pytest.approx([r.rating for r in predicted], abs=1e-3)


def assert_cold(rows, out, least):
    """Users 101 and 102 have the five movies with at least so many ratings that the baseline likes best."""
    mean, by_movie, _ = damped_means([(u, m, r) for (u, m), r in known(rows).items()])
    times = collections.Counter(m for _, m in known(rows))
    want = sorted((m for m in by_movie if times[m] >= least), key=lambda m: (-by_movie[m], m))[:5]
    for cold in (101, 102):
        got = [(m, s) for u, _, m, s in out if u == cold]
        assert [m for m, _ in got] == want
        assert [s for _, s in got] == pytest.approx([mean + by_movie[m] for m in want])
    return want


def test_cold_users_get_what_the_baseline_likes_best(night):
    assert 999 not in assert_cold(night.rows, night.out, least=10)


def test_how_often_a_movie_must_be_rated_is_an_argument(als, spark, tmp_path, night):
    reads = whole.parquet(spark, tmp_path / "in", night.rows, SCHEMA)
    got = whole.run(spark, als, f"{reads}/", tmp_path / "out", holdout=0, min_ratings=1, rank=1, iterations=1, top=5)
    assert 999 in assert_cold(night.rows, recommended(spark, tmp_path / "out"), least=1)
    assert got["rows"] == 42 * 5 and "rmse" not in got  # no row is held out: nothing is measured


def test_how_the_input_was_cut_changes_nothing(als, spark, tmp_path, night):
    """One CSV, and 37 files of Parquet with the same rows in another order."""
    reads = whole.parquet(spark, tmp_path / "in", night.rows, SCHEMA, files=37, seed=99)
    got = whole.run(spark, als, f"{reads}/", tmp_path / "out", **QUICK)
    for name in NUMBERS:
        assert got[name] == pytest.approx(night.metrics[name], abs=5e-7), name
    out = recommended(spark, tmp_path / "out")
    assert [r[:3] for r in out] == [r[:3] for r in night.out]


def test_metrics_are_written_last(night):
    assert night.written == [("recommendations/", []), ("metrics.json", ["recommendations/_SUCCESS"])]


@pytest.mark.parametrize("rows, want", [
    ([], {"ratings": 0, "users": 0, "items": 0, "rows": 0}),
    ([(1, 2, 4.0)], {"ratings": 1, "users": 1, "items": 1, "rows": 0}),
    ([(8, None, None), (9, None, None)], {"ratings": 0, "users": 0, "items": 0, "rows": 0}),
], ids=["empty", "one rating", "cold users alone"])
def test_next_to_nothing(als, spark, tmp_path, rows, want):
    reads = whole.parquet(spark, tmp_path / "in", rows, SCHEMA)
    got = whole.run(spark, als, f"{reads}/", tmp_path / "out", rank=2, iterations=1)
    assert {k: got[k] for k in want} == want
    assert "rmse" not in got and "baseline_rmse" not in got  # nothing could be held out
    assert len(recommended(spark, tmp_path / "out")) == want["rows"]
