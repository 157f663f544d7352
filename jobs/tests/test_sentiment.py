"""The sentiment job: its pure parts on tiny frames, and whole runs."""

import collections
import math
import random
import types

import pytest

import whole

SCHEMA = "review_id bigint, movie_id bigint, score double, body string"
CLASSES = ["negative", "neutral", "positive"]
NUMBERS = {"rows", "movies", "labelled", "held_out", "accuracy", "baseline_accuracy",
           "f1_weighted", "f1_macro", "f1_negative", "f1_neutral", "f1_positive"}

WORDS = {"negative": ["dull", "boring", "awful", "mess"], "neutral": ["average", "passable", "fine", "plain"],
         "positive": ["lovely", "superb", "moving", "brilliant"]}
SCORES = {"negative": [0.5, 1.0, 2.0], "neutral": [2.5, 3.0], "positive": [3.5, 4.0, 5.0]}
COMMON = ["the", "film", "is", "and", "it's"]


def opinions(times=150, seed=5):
    """Reviews whose words tell their score, but for one in ten; a few are unscored or of no movie."""
    draw, rows = random.Random(seed), []
    for i in range(1, times + 1):
        told = draw.choices(CLASSES, [4, 1, 5])[0]
        words = draw.choices(COMMON, k=3) + draw.choices(WORDS[told], k=3)
        draw.shuffle(words)
        meant = draw.choice(CLASSES) if draw.random() < 0.1 else told
        score = None if i % 25 == 0 else draw.choice(SCORES[meant])
        rows.append((i, None if i % 40 == 0 else i % 7, score, " ".join(words)))
    return rows


def frame(spark, rows, schema=SCHEMA):
    return spark.createDataFrame(rows, schema).repartition(3)


# Pure parts.

@pytest.mark.parametrize("cuts, want", [
    ((2.0, 3.5), {0.0: "negative", 2.0: "negative", 2.0000001: "neutral", 3.0: "neutral", 3.4999999: "neutral",
                  3.5: "positive", 5.0: "positive", -7.0: "negative", math.inf: "positive", None: None, math.nan: None}),
    # Whole numbers cut as up to 2, 3, above 3; and the snippets' paper.
    ((2.0, 4.0), {1.0: "negative", 2.0: "negative", 3.0: "neutral", 4.0: "positive"}),
    ((-0.2, 0.2), {-4.0: "negative", -0.2: "negative", -0.1999: "neutral", 0.0: "neutral", -0.0: "neutral",
                   0.1999: "neutral", 0.2: "positive"}),
])
def test_labels_at_the_cuts(sentiment, spark, cuts, want):
    rows = list(enumerate(want))
    got = sentiment.labelled(frame(spark, rows, "review_id int, score double"), *cuts).collect()
    assert {r.review_id: r.label for r in got} == {i: want[score] for i, score in rows}


def test_parted(sentiment, spark):
    rows = [(i, "neutral" if i % 4 else None) for i in range(2000)]
    parts = {}
    for seed in (1, 2):
        got = sentiment.parted(frame(spark, rows, "review_id bigint, label string"), 0.2, seed).collect()
        assert not any(r.trained_on for r in got if r.label is None)
        parts[seed] = {r.review_id for r in got if r.label and not r.trained_on}
        assert 0.16 < len(parts[seed]) / 1500 < 0.24  # three standard deviations are 0.031
    assert 0.02 < len(parts[1] & parts[2]) / 1500 < 0.06
    nothing = sentiment.parted(frame(spark, rows, "review_id bigint, label string"), 0.0, 1)
    assert nothing.where("trained_on").count() == 1500


TERMS = {
    "Don't go, it’s BAD!!": ["don't", "go", "it’s", "bad", "!!", "don't go", "go it’s", "it’s bad", "bad !!"],
    "wait... what?!": ["wait", "...", "what", "?!", "wait ...", "... what", "what ?!"],
    "'quoted' \"twice\"": ["quoted", "twice", "quoted twice"],
    "Ärger im 21st-Century": ["ärger", "im", "21st", "century", "ärger im", "im 21st", "21st century"],
    "映画 хорошо": ["映画", "хорошо", "映画 хорошо"],
    "one": ["one"],
    "": [],
    " ,;-— \t\n": [],
    "🎬🎬": [],
}


def test_terms(sentiment, spark):
    rows = sentiment.with_terms(spark.createDataFrame([(body,) for body in TERMS], "body string"))
    assert {r.body: r.terms for r in rows.collect()} == TERMS


def test_ordered_makes_no_text_of_none(sentiment, spark):
    got = sentiment.ordered(frame(spark, [(1, 1, 3.0, None), (2, 1, 3.0, "x")]), 2).collect()
    assert {r.review_id: r.body for r in got} == {1: "", 2: "x"}


def test_judged_is_naive_bayes(sentiment, spark):
    """Against naive Bayes written out: each term counts once per review."""
    train = [("negative", "bad bad film"), ("negative", "bad"), ("positive", "good film"), ("positive", "good good"),
             ("positive", "a good one")]
    args, _ = whole.arguments(sentiment, "x", "y", smoothing=0.5)
    rows = sentiment.with_terms(spark.createDataFrame(train, "label string, body string"))
    classes = ["negative", "positive"]
    model = sentiment.fit(rows, classes, args)
    asked = ["bad", "good film", "film", "", "unheard of"]
    got = sentiment.judged(sentiment.with_terms(spark.createDataFrame([(b,) for b in asked], "body string")), model, classes)

    def terms(body):
        words = body.split()
        return set(words + [f"{a} {b}" for a, b in zip(words, words[1:])])

    seen = {c: collections.Counter(t for label, body in train if label == c for t in terms(body)) for c in classes}
    for r in got.collect():
        logs = {}
        for c in classes:
            of = sum(seen[c].values()) + 0.5 * sentiment.PLACES
            prior = math.log((sum(label == c for label, _ in train) + 0.5) / (len(train) + 1.0))
            logs[c] = prior + sum(math.log((seen[c][t] + 0.5) / of) for t in terms(r.body))
        chance = 1 / (1 + math.exp(logs["negative"] - logs["positive"]))
        assert r.sentiment == pytest.approx(2 * chance - 1, abs=1e-9), r.body
        assert r.predicted == ("positive" if chance > 0.5 else "negative"), r.body


@pytest.mark.parametrize("classes", [["neutral"], ["neutral", "positive"], ["negative", "neutral"]])
def test_labels_that_never_occur_shift_no_others(sentiment, spark, classes):
    train = [(c, " ".join(WORDS[c])) for c in classes]
    args, _ = whole.arguments(sentiment, "x", "y")
    rows = sentiment.with_terms(spark.createDataFrame(train, "label string, body string"))
    got = sentiment.judged(rows, sentiment.fit(rows, classes, args), classes).collect()
    assert [r.predicted for r in got] == classes
    for r in got:
        assert {"negative": r.sentiment < 0, "neutral": abs(r.sentiment) < 0.5, "positive": r.sentiment > 0}[r.label]


def matrix(*rows):
    return {label: dict(zip(CLASSES, row)) for label, row in zip(CLASSES, rows)}


@pytest.mark.parametrize("confusion, want", [
    ({}, {}),
    (matrix((0, 0, 0), (0, 0, 0), (0, 0, 0)), {}),
    # negative: 5 right, 9 actual, 7 said; neutral: 1, 3, 4; positive: 6, 8, 9.
    (matrix((5, 2, 2), (1, 1, 1), (1, 1, 6)),
     {"f1_negative": 10 / 16, "f1_neutral": 2 / 7, "f1_positive": 12 / 17, "held_out": 20, "accuracy": 12 / 20,
      "f1_weighted": (9 * 10 / 16 + 3 * 2 / 7 + 8 * 12 / 17) / 20, "f1_macro": (10 / 16 + 2 / 7 + 12 / 17) / 3,
      "baseline_accuracy": 9 / 20}),
    # A class that occurs but is never said has F1 0 and counts in the macro mean.
    (matrix((3, 0, 1), (1, 0, 0), (0, 0, 5)),
     {"f1_negative": 6 / 8, "f1_neutral": 0, "f1_positive": 10 / 11, "held_out": 10, "accuracy": 0.8,
      "f1_weighted": (4 * 6 / 8 + 5 * 10 / 11) / 10, "f1_macro": (6 / 8 + 10 / 11) / 3, "baseline_accuracy": 0.5}),
    # So does one that is said but never occurs.
    (matrix((2, 1, 0), (0, 0, 0), (0, 0, 1)),
     {"f1_negative": 4 / 5, "f1_neutral": 0, "f1_positive": 1, "held_out": 4, "accuracy": 0.75,
      "f1_weighted": (3 * 4 / 5 + 1) / 4, "f1_macro": (4 / 5 + 0 + 1) / 3, "baseline_accuracy": 0.75}),
    # One that neither occurs nor is said does not.
    (matrix((2, 0, 0), (0, 0, 0), (1, 0, 1)),
     {"f1_negative": 4 / 5, "f1_positive": 2 / 3, "held_out": 4, "accuracy": 0.75,
      "f1_weighted": (2 * 4 / 5 + 2 * 2 / 3) / 4, "f1_macro": (4 / 5 + 2 / 3) / 2, "baseline_accuracy": 0.5}),
])
def test_scores_by_hand(sentiment, confusion, want):
    assert sentiment.scores(confusion) == pytest.approx(want)


def test_confusion_counts_only_what_was_held_out(sentiment, spark):
    rows = [("negative", "positive", False), ("negative", "positive", False), ("neutral", "neutral", False),
            ("positive", "positive", True), (None, "positive", False), ("negative", None, False)]
    got = sentiment.confusion_of(frame(spark, rows, "label string, predicted string, trained_on boolean"))
    assert got == matrix((0, 0, 2), (0, 1, 0), (0, 0, 0))


def test_by_movie(sentiment, spark):
    rows = [(1, 4.0, "positive", 0.5), (1, 1.0, "negative", -0.1), (1, None, "positive", 0.8),
            (2, None, "neutral", 0.0), (None, 3.0, "neutral", 0.3)]
    got = sentiment.by_movie(frame(spark, rows, "movie_id bigint, score double, predicted string, sentiment double"))
    assert got.columns == ["movie_id", "reviews", "sentiment", "negative", "neutral", "positive", "score"]
    found = {r.movie_id: tuple(r)[1:] for r in got.collect()}
    assert set(found) == {1, 2}
    assert found[1] == pytest.approx((3, 0.4, 1, 0, 2, 2.5)) and found[2] == (1, 0.0, 0, 1, 0, None)


# Whole runs.

@pytest.fixture(scope="module")
def night(sentiment, spark, tmp_path_factory):
    """One run on all of opinions(): its rows, metrics, output and the order of writes."""
    folder, rows = tmp_path_factory.mktemp("sentiment"), opinions()
    reads = whole.parquet(spark, folder / "in", rows, SCHEMA)
    with whole.watched(sentiment.nightjob, folder / "out") as written:
        metrics = whole.run(spark, sentiment, f"{reads}/", folder / "out")
    return types.SimpleNamespace(rows=rows, metrics=metrics, written=written, reviews=reviews(spark, folder / "out"),
                                 movies=movies(spark, folder / "out"))


def reviews(spark, folder):
    return {r.review_id: r for r in spark.read.parquet(str(folder / "reviews")).collect()}


def movies(spark, folder):
    return {r.movie_id: r for r in spark.read.parquet(str(folder / "movies")).collect()}


def label_of(score):
    return None if score is None else "negative" if score <= 2 else "positive" if score >= 3.5 else "neutral"


def test_metrics_are_complete(night):
    m = night.metrics
    assert {k for k, v in m.items() if not isinstance(v, dict)} == NUMBERS
    labels = collections.Counter(label_of(score) for _, _, score, _ in night.rows)
    assert m["labels"] == {c: labels[c] for c in CLASSES}
    assert (m["rows"], m["movies"], m["labelled"]) == (150, 7, 150 - labels[None])
    assert m["paper"]["naive_bayes_f1"] == 0.75 and m["paper"]["vader_f1"] == 0.61
    assert m["settings"] == {"negative_max": 2.0, "positive_min": 3.5, "smoothing": 1.0, "holdout": 0.2, "seed": 42,
                             "partitions": whole.PARTITIONS}


def test_every_review_is_scored(night):
    assert set(night.reviews) == {id for id, _, _, _ in night.rows}
    for id, movie, score, _ in night.rows:
        r = night.reviews[id]
        assert (r.movie_id, r.score, r.label) == (movie, score, label_of(score))
        assert r.predicted in CLASSES and -1 <= r.sentiment <= 1
        assert r.label is not None or not r.trained_on
    for r in night.reviews.values():
        assert r.predicted != "positive" or r.sentiment > 0
        assert r.predicted != "negative" or r.sentiment < 0


def test_the_confusion_is_of_the_held_out_reviews(sentiment, night):
    held = [r for r in night.reviews.values() if r.label and not r.trained_on]
    times = collections.Counter((r.label, r.predicted) for r in held)
    assert night.metrics["confusion"] == {a: {p: times[a, p] for p in CLASSES} for a in CLASSES}
    assert {k: night.metrics[k] for k in sentiment.scores(night.metrics["confusion"])} == pytest.approx(
        sentiment.scores(night.metrics["confusion"]))
    assert 15 < night.metrics["held_out"] == len(held) < 45


def test_words_are_understood(night):
    assert night.metrics["f1_weighted"] > 0.75 > night.metrics["baseline_accuracy"]
    told = [(r.predicted, body) for id, _, _, body in night.rows if (r := night.reviews[id]).score is None]
    assert len(told) == 6 and all(set(body.split()) & set(WORDS[predicted]) for predicted, body in told)


def test_movies_summarize_their_reviews(night):
    by = collections.defaultdict(list)
    for r in night.reviews.values():
        if r.movie_id is not None:
            by[r.movie_id].append(r)
    assert set(night.movies) == set(by)
    for movie, of in by.items():
        got, scored = night.movies[movie], [r.score for r in of if r.score is not None]
        assert got.reviews == len(of) == got.negative + got.neutral + got.positive
        assert [got[c] for c in CLASSES] == [sum(r.predicted == c for r in of) for c in CLASSES]
        assert got.sentiment == pytest.approx(sum(r.sentiment for r in of) / len(of))
        assert got.score == pytest.approx(sum(scored) / len(scored))


def test_how_the_input_was_cut_changes_nothing(sentiment, spark, tmp_path, night):
    """One file, and 37 files of the same rows in another order."""
    reads = whole.parquet(spark, tmp_path / "in", night.rows, SCHEMA, files=37, seed=99)
    got = whole.run(spark, sentiment, f"{reads}/", tmp_path / "out")
    assert {n: got[n] for n in NUMBERS} == pytest.approx({n: night.metrics[n] for n in NUMBERS}, abs=5e-7)
    assert got["confusion"] == night.metrics["confusion"]
    again = reviews(spark, tmp_path / "out")
    assert {i: again[i].sentiment for i in again} == pytest.approx({i: r.sentiment for i, r in night.reviews.items()}, abs=1e-9)


def test_metrics_are_written_last(night):
    assert night.written == [("reviews/", []), ("movies/", ["reviews/_SUCCESS"]),
                             ("metrics.json", ["movies/_SUCCESS", "reviews/_SUCCESS"])]


@pytest.mark.parametrize("rows, want", [
    ([], {"rows": 0, "movies": 0, "labelled": 0, "labels": {}, "confusion": {}}),
    ([(1, 7, 4.0, "a good film")], {"rows": 1, "movies": 1, "labelled": 1, "labels": {"positive": 1}}),
    ([(1, 7, None, "a good film"), (2, 7, None, None)], {"rows": 2, "movies": 1, "labelled": 0, "labels": {}}),
], ids=["empty", "one review", "none is scored"])
def test_next_to_nothing(sentiment, spark, tmp_path, rows, want):
    reads = whole.parquet(spark, tmp_path / "in", rows, SCHEMA)
    got = whole.run(spark, sentiment, f"{reads}/", tmp_path / "out", holdout=0)
    assert {k: got[k] for k in want} == want
    assert "f1_macro" not in got
    out = reviews(spark, tmp_path / "out")
    assert len(out) == want["rows"] and len(movies(spark, tmp_path / "out")) == want["movies"]
    judged = want["labelled"] > 0
    assert all((r.predicted is not None) == judged == (r.sentiment is not None) for r in out.values())


HOSTILE = {
    "quotes": 'it\'s "quoted", \\"twice\\", and; \'so\' on`',
    "lines": "first\r\nsecond\nthird\rlast\ttab\u2028separator",
    "code": "'); DROP TABLE reviews; -- ${x} $(rm -rf) {{y}} %s <script>alert(1)</script>",
    "right to left": "\u202eevil\u202c مرحبا שלום",
    "combined": "e\u0301" * 50 + " Z" + "\u0335" * 200,
    "beyond the first plane": "𝒢𝓇𝑒𝒶𝓉 film 👩‍👩‍👧‍👦 🏳️‍🌈",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\ufeff\ufffd",
    "one long word": "a" * 100_000,
    "many words": "good film " * 20_000,
    "punctuation": "!?!?" * 20_000,
    "apostrophes": "a'" * 20_000,
    "nothing": "",
    "blank": " " * 1000,
}


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_hostile_text(sentiment, spark, tmp_path, kind):
    """Every review comes out once and judged, whatever its text; movies are kept apart."""
    rows = [(i, i, [1.0, 3.0, 5.0][i % 3], text) for i, text in enumerate(HOSTILE.values())]
    if kind == "parquet":
        reads = whole.parquet(spark, tmp_path / "in", rows, SCHEMA)
    else:
        reads = whole.csv_file(tmp_path / "in.csv", ["review_id", "movie_id", "score", "body"], rows)
    got = whole.run(spark, sentiment, reads, tmp_path / "out", holdout=0)
    assert got["rows"] == got["movies"] == len(HOSTILE)
    out = reviews(spark, tmp_path / "out")
    assert set(out) == set(range(len(HOSTILE)))
    assert all(r.predicted in CLASSES and math.isfinite(r.sentiment) for r in out.values())
