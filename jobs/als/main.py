"""Recommendations by explicit ALS, measured beside a user-and-item-bias baseline.

Reads (user_id, movie_id, rating). A row without movie or rating names a user
who has rated nothing yet. Several ratings of one movie by one user count as
their mean.

Writes recommendations/ (user_id, rank, movie_id, score): the top movies of
every user, without those they rated; a user without a model gets what the
baseline likes best. And metrics.json: rmse, mae and coverage of a model that
never saw the held-out rows, and the baseline's rmse and mae on those of them
that ALS could predict.

The model that recommends is fitted on all ratings. Which rows are held out,
and how rows are spread and ordered before a fit, depends on their values
alone: how the input was cut into files changes nothing.
"""

import sys

import numpy as np
from pyspark.ml.recommendation import ALS
from pyspark.sql import Row, functions as F

import nightjob

SCHEMA = [("user_id", "bigint"), ("movie_id", "bigint"), ("rating", "double")]
ALIASES = {"userId": "user_id", "movieId": "movie_id"}
OUT = "user_id bigint, rank int, movie_id bigint, score double"

# How many ratings of average taste a movie and a user start with in the
# baseline: a mean of few ratings is drawn towards zero bias.
DAMP_MOVIE, DAMP_USER = 5.0, 5.0

# Iterations between two checkpoints: 10 without one were seen to overflow.
CHECKPOINT = 5


def arguments(argv):
    """The arguments and the URI to read; status 2 when they are wrong."""
    p = nightjob.parser("als", "Recommendations by explicit ALS")
    p.add_argument("--rank", type=nightjob.whole(1), default=10, help="latent factors")
    p.add_argument("--reg", type=nightjob.number(0), default=0.15, help="regularization, times the number of ratings")
    p.add_argument("--iterations", type=nightjob.whole(1), default=10, help="sweeps over users and movies")
    p.add_argument("--top", type=nightjob.whole(1), default=10, help="recommendations per user")
    p.add_argument("--min_ratings", type=nightjob.whole(1), default=10,
                   help="recommend movies rated so often first, others only when those run out")
    p.add_argument("--holdout", type=nightjob.number(0, 1), default=0.2, help="share of ratings held out; 0: no evaluation")
    p.add_argument("--seed", type=int, default=42, help="of the split and the factors")
    args = p.parse_args(argv)
    return args, nightjob.only_read(p, args)


def known_ratings(rows, partitions):
    """One rating per user and movie, spread and ordered by value alone."""
    return (rows.where("user_id is not null and movie_id is not null and not isnan(rating) and rating is not null")
            .repartition(partitions, "user_id", "movie_id")
            .groupBy("user_id", "movie_id").agg(F.avg("rating").alias("rating"))
            .sortWithinPartitions("user_id", "movie_id"))


def split(ratings, holdout, seed):
    """(train, held out), chosen by a hash of user, movie and seed."""
    draw = F.pmod(F.xxhash64("user_id", "movie_id", F.lit(seed).cast("bigint")), F.lit(1_000_000))
    mine = draw < int(holdout * 1_000_000)
    return ratings.where(~mine), ratings.where(mine)


def fit(ratings, args):
    """An ALS model with a fixed number of blocks.

    Each iteration is computed from the one before: without a checkpoint now
    and then the whole chain travels with every task, and overflows the stack
    of the one that unpacks it.
    """
    als = ALS(userCol="user_id", itemCol="movie_id", ratingCol="rating", rank=args.rank, regParam=args.reg,
              maxIter=args.iterations, seed=args.seed, coldStartStrategy="nan",
              numUserBlocks=args.partitions, numItemBlocks=args.partitions, checkpointInterval=CHECKPOINT)
    return als.fit(ratings)


def movie_bias(ratings):
    """(overall mean, frame of movie_id, bias, times)."""
    mean = ratings.agg(F.avg("rating")).first()[0] or 0.0
    off = F.sum(F.col("rating") - F.lit(mean)) / (F.count("rating") + F.lit(DAMP_MOVIE))
    return mean, ratings.groupBy("movie_id").agg(off.alias("movie_bias"), F.count("rating").alias("times"))


def with_baseline(train, rows):
    """rows with a column baseline: mean + movie's bias + user's bias, as train has them."""
    mean, movies = movie_bias(train)
    movies = movies.drop("times")
    left = F.col("rating") - F.lit(mean) - F.col("movie_bias")
    users = (train.join(movies, "movie_id").groupBy("user_id")
             .agg((F.sum(left) / (F.count("rating") + F.lit(DAMP_USER))).alias("user_bias")))
    value = F.lit(mean) + F.coalesce("movie_bias", F.lit(0.0)) + F.coalesce("user_bias", F.lit(0.0))
    return (rows.join(movies, "movie_id", "left").join(users, "user_id", "left")
            .withColumn("baseline", value).drop("movie_bias", "user_bias"))


def evaluate(predicted):
    """Metrics of rows with rating, prediction (NaN: none) and baseline.

    Both are measured on the rows that have a prediction; coverage is their
    share. No rows, or none predicted, gives no rmse.
    """
    has = predicted.withColumn("off", F.when(~F.isnan("prediction"), F.col("prediction") - F.col("rating")))
    has = has.withColumn("base_off", F.when(F.col("off").isNotNull(), F.col("baseline") - F.col("rating")))
    got = has.agg(
        F.count(F.lit(1)).alias("held_out"), F.count("off").alias("covered"),
        F.sqrt(F.avg(F.col("off") * F.col("off"))).alias("rmse"), F.avg(F.abs("off")).alias("mae"),
        F.sqrt(F.avg(F.col("base_off") * F.col("base_off"))).alias("baseline_rmse"),
        F.avg(F.abs("base_off")).alias("baseline_mae")).first().asDict()
    got["coverage"] = got["covered"] / got["held_out"] if got["held_out"] else None
    return got


def best(scores, k):
    """Indices of the k highest scores, highest first, lower index first among equals.

    Scores of -inf are never chosen.
    """
    k = min(k, int(np.count_nonzero(scores > -np.inf)))
    if k == 0:
        return np.empty(0, dtype=int)
    kth = np.partition(scores, -k)[-k]
    chosen = np.flatnonzero(scores >= kth)
    return chosen[np.lexsort((chosen, -scores[chosen]))][:k]


def recommend_for(user, movies, factors, fallback, allowed, top):
    """Rows (user, rank, movie, score) for one user.

    user has user_id, rated (movie ids or None) and features (or None: no
    model). movies is sorted; factors, fallback and allowed go with it. Movies
    that are not allowed come last, if at all: a movie that few rated is often
    the best for everyone by chance.
    """
    scores = fallback.copy() if user.features is None else factors @ np.asarray(user.features, dtype=float)
    if user.rated:
        # A movie that was rated is always among movies: both come from the same ratings.
        scores[np.searchsorted(movies, np.asarray(user.rated, dtype=np.int64))] = -np.inf
    chosen = best(np.where(allowed, scores, -np.inf), top)
    if len(chosen) < top:
        chosen = np.concatenate([chosen, best(np.where(allowed, -np.inf, scores), top - len(chosen))])
    return [(user.user_id, rank, int(movies[i]), float(scores[i])) for rank, i in enumerate(chosen, start=1)]


def recommendations(spark, rows, ratings, model, args):
    """The frame of recommendations for every user that rows name."""
    mean, biases = movie_bias(ratings)
    factors = {r.id: r.features for r in model.itemFactors.collect()} if model else {}
    table = sorted(biases.collect(), key=lambda r: r.movie_id)
    known = spark.sparkContext.broadcast((
        np.array([r.movie_id for r in table], dtype=np.int64),
        np.array([factors[r.movie_id] for r in table], dtype=float).reshape(len(table), args.rank),
        np.array([mean + r.movie_bias for r in table], dtype=float),
        np.array([r.times >= args.min_ratings for r in table], dtype=bool)))
    users = rows.where("user_id is not null").select("user_id").distinct()
    rated = ratings.groupBy("user_id").agg(F.collect_list("movie_id").alias("rated"))
    users = users.join(rated, "user_id", "left")
    if model:
        users = users.join(model.userFactors.withColumnRenamed("id", "user_id"), "user_id", "left")
    else:
        users = users.withColumn("features", F.lit(None))
    top = args.top
    made = users.rdd.flatMap(lambda user: recommend_for(user, *known.value, top))
    return spark.createDataFrame(made, OUT)


def run(spark, args, uri):
    """Reads, transforms, writes; returns the metrics it wrote."""
    nightjob.keep_checkpoints(spark)
    rows = nightjob.read(spark, uri, SCHEMA, ALIASES).cache()
    ratings = known_ratings(rows, args.partitions).cache()
    counts = ratings.agg(F.count(F.lit(1)).alias("ratings"), F.countDistinct("user_id").alias("users"),
                         F.countDistinct("movie_id").alias("items")).first().asDict()
    metrics = dict(counts)
    train, held = split(ratings, args.holdout, args.seed)
    if not train.isEmpty() and not held.isEmpty():
        metrics.update(evaluate(fit(train, args).transform(with_baseline(train, held))))
    model = fit(ratings, args) if counts["ratings"] else None
    metrics["rows"] = nightjob.write(recommendations(spark, rows, ratings, model, args),
                                     args.writes + "recommendations/")
    metrics["settings"] = {k: getattr(args, k) for k in
                           ("rank", "reg", "iterations", "top", "min_ratings", "holdout", "seed", "partitions")}
    nightjob.write_metrics(spark, args.writes, metrics)
    return metrics


def main(argv):
    nightjob.main("als", argv, arguments, run)


if __name__ == "__main__":
    main(sys.argv[1:])
