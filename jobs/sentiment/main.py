"""Sentiment of short reviews, learned from their scores.

Reads (review_id, movie_id, score, body). A score up to --negative_max is
negative, one from --positive_min is positive, between them neutral; a review
without a score is only judged. The model is naive Bayes on which words and
pairs of neighbouring words occur.

Writes reviews/ (review_id, movie_id, score, label, predicted, sentiment,
trained_on), movies/ (movie_id, reviews, sentiment, negative, neutral,
positive, score) and metrics.json: weighted and macro F1, accuracy, F1 per
class and the confusion matrix on held-out reviews. sentiment is the
probability of positive minus that of negative, -1 to 1. The model measured is
the model that judges: trained_on says which reviews it had seen.
"""

import sys

from pyspark.ml import Pipeline
from pyspark.ml.classification import NaiveBayes
from pyspark.ml.feature import HashingTF, NGram, RegexTokenizer
from pyspark.sql import Column, SparkSession, functions as F

import nightjob

SCHEMA = [("review_id", "bigint"), ("movie_id", "bigint"), ("score", "double"), ("body", "string")]
CLASSES = ["negative", "neutral", "positive"]

# A word with its apostrophes (don't), a run of ! and ?, or an ellipsis. *+ is
# matched in a loop, * by recursion: a'a'a'… would overflow the stack and end Spark.
TOKEN = r"[\p{L}\p{N}]+(?:['’]\p{L}+)*+|[!?]+|\.\.+"

# Words and pairs are told apart by a hash into so many places. Counting a
# vocabulary first costs a quarter of the job's time and gives 0.004 more F1
# on the snippets; 1 << 18 costs 0.005, 1 << 20 gains nothing.
PLACES = 1 << 19

# What the authors of the snippets report on them, to be read beside ours.
PAPER = {"source": "Hutto and Gilbert 2014, 10,605 movie review snippets",
         "naive_bayes_f1": 0.75, "vader_f1": 0.61}


def arguments(argv):
    """The arguments and the URI to read; status 2 when they are wrong."""
    p = nightjob.parser("sentiment", "Sentiment of short reviews, learned from their scores")
    p.add_argument("--negative_max", type=nightjob.number(), default=2.0, help="highest score that is negative")
    p.add_argument("--positive_min", type=nightjob.number(), default=3.5, help="lowest score that is positive")
    p.add_argument("--smoothing", type=nightjob.number(0), default=1.0, help="naive Bayes: times each word was seen before")
    p.add_argument("--holdout", type=nightjob.number(0, 1), default=0.2, help="share of reviews held out; 0: no evaluation")
    p.add_argument("--seed", type=int, default=42, help="of the split")
    args = p.parse_args(argv)
    if args.negative_max >= args.positive_min:
        p.error(f"--negative_max {args.negative_max} must be less than --positive_min {args.positive_min}")
    return args, nightjob.only_read(p, args)


def ordered(rows, partitions):
    """The rows, spread and ordered by value alone."""
    return (rows.withColumn("body", F.coalesce("body", F.lit("")))
            .repartition(partitions, "review_id")
            .sortWithinPartitions("review_id", "movie_id", "score", "body"))


def labelled(rows, negative_max, positive_min):
    """rows with label: negative, neutral, positive, or null without a score."""
    label = (F.when(F.col("score") <= negative_max, CLASSES[0]).when(F.col("score") >= positive_min, CLASSES[2])
             .when(F.col("score").isNotNull() & ~F.isnan("score"), CLASSES[1]))
    # NaN is above every number in Spark's order: without this it would be positive.
    return rows.withColumn("label", F.when(~F.isnan(F.coalesce("score", F.lit(0.0))), label))


def parted(rows, holdout, seed):
    """rows with trained_on: has a label and is not held out, by a hash of review and seed."""
    draw = F.pmod(F.xxhash64("review_id", F.lit(seed).cast("bigint")), F.lit(1_000_000))
    return rows.withColumn("trained_on", F.col("label").isNotNull() & (draw >= int(holdout * 1_000_000)))


def with_terms(rows):
    """rows with terms: the words of body and the pairs of neighbouring words."""
    words = RegexTokenizer(inputCol="body", outputCol="words", gaps=False, pattern=TOKEN)
    pairs = NGram(n=2, inputCol="words", outputCol="pairs")
    return pairs.transform(words.transform(rows)).withColumn("terms", F.concat("words", "pairs")).drop("words", "pairs")


def fit(train, classes, args):
    """A model whose class i is classes[i]; train has terms and label.

    classes holds just the labels that train has: Spark's naive Bayes numbers
    the labels it meets, so that a gap would shift all above it.
    """
    index = F.coalesce(*[F.when(F.col("label") == c, float(i)) for i, c in enumerate(classes)])
    occurs = HashingTF(inputCol="terms", outputCol="features", binary=True, numFeatures=PLACES)
    bayes = NaiveBayes(smoothing=args.smoothing, labelCol="class", featuresCol="features")
    return Pipeline(stages=[occurs, bayes]).fit(train.withColumn("class", index))


def as_array(vector):
    """A column of vectors as arrays of double.

    pyspark.ml.functions has this too, but cannot be imported without pandas,
    which neither EMR's nodes nor a plain pyspark bring.
    """
    jvm = SparkSession.getActiveSession().sparkContext._jvm
    return Column(jvm.org.apache.spark.ml.functions.vector_to_array(F.col(vector)._jc, "float64"))


def judged(rows, model, classes):
    """rows with predicted and sentiment; null in both without a model."""
    if model is None:
        return rows.withColumn("predicted", F.lit(None).cast("string")).withColumn("sentiment", F.lit(None).cast("double"))
    chances = as_array("probability")
    chance = {c: chances[i] for i, c in enumerate(classes)}
    names = F.array(*[F.lit(c) for c in classes])
    return (model.transform(rows)
            .withColumn("predicted", names[F.col("prediction").cast("int")])
            .withColumn("sentiment", chance.get("positive", F.lit(0.0)) - chance.get("negative", F.lit(0.0))))


def scores(confusion):
    """Metrics of a confusion matrix {label: {predicted: times}}.

    Macro F1 is over the classes that occur as label or prediction. The
    baseline always says the most frequent label. An empty matrix: {}.
    """
    total = sum(sum(row.values()) for row in confusion.values())
    if not total:
        return {}
    f1, weighted = {}, 0.0
    for c in CLASSES:
        actual = sum(confusion.get(c, {}).values())
        said = sum(row.get(c, 0) for row in confusion.values())
        if actual + said:
            f1[c] = 2 * confusion.get(c, {}).get(c, 0) / (actual + said)
            weighted += f1[c] * actual / total
    metrics = {f"f1_{c}": f1[c] for c in f1}
    metrics.update(
        f1_weighted=weighted, f1_macro=sum(f1.values()) / len(f1), held_out=total,
        accuracy=sum(confusion.get(c, {}).get(c, 0) for c in CLASSES) / total,
        baseline_accuracy=max(sum(row.values()) for row in confusion.values()) / total)
    return metrics


def confusion_of(reviews):
    """{label: {predicted: times}} of the reviews held out."""
    rows = (reviews.where("label is not null and predicted is not null and not trained_on")
            .groupBy("label", "predicted").count().collect())
    found = {c: {p: 0 for p in CLASSES} for c in CLASSES} if rows else {}
    for r in rows:
        found[r["label"]][r["predicted"]] = r["count"]
    return found


def by_movie(reviews):
    """One row per movie."""
    return reviews.where("movie_id is not null").groupBy("movie_id").agg(
        F.count(F.lit(1)).alias("reviews"), F.avg("sentiment").alias("sentiment"),
        *[F.count(F.when(F.col("predicted") == c, 1)).alias(c) for c in CLASSES],
        F.avg("score").alias("score")).sortWithinPartitions("movie_id")


def run(spark, args, uri):
    """Reads, transforms, writes; returns the metrics it wrote."""
    rows = ordered(nightjob.read(spark, uri, SCHEMA), args.partitions)
    rows = parted(labelled(rows, args.negative_max, args.positive_min), args.holdout, args.seed)
    rows = with_terms(rows).cache()
    train = rows.where("trained_on")
    times = rows.where("label is not null").groupBy("label").agg(
        F.count(F.lit(1)).alias("all"), F.count(F.when(F.col("trained_on"), 1)).alias("train")).collect()
    classes = sorted(r["label"] for r in times if r["train"])
    model = fit(train, classes, args) if classes else None
    reviews = judged(rows, model, classes).select(
        "review_id", "movie_id", "score", "label", "predicted", "sentiment", "trained_on").cache()
    metrics = {"rows": nightjob.write(reviews, args.writes + "reviews/"),
               "movies": nightjob.write(by_movie(reviews).coalesce(1), args.writes + "movies/")}
    confusion = confusion_of(reviews)
    metrics.update(scores(confusion), labelled=sum(r["all"] for r in times),
                   labels={r["label"]: r["all"] for r in times}, confusion=confusion, paper=PAPER)
    metrics["settings"] = {k: getattr(args, k) for k in
                           ("negative_max", "positive_min", "smoothing", "holdout", "seed", "partitions")}
    nightjob.write_metrics(spark, args.writes, metrics)
    return metrics


def main(argv):
    nightjob.main("sentiment", argv, arguments, run)


if __name__ == "__main__":
    main(sys.argv[1:])
