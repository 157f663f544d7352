-- Joins of ratings and movies need no data to move: ratings are spread by
-- movie, and so is every review; the small table is on every node. New days
-- arrive in the order they are sorted by.
create table ratings (
    user_id   bigint    not null,
    movie_id  bigint    not null,
    rating    float8    not null,
    rated_at  timestamp not null
)
diststyle key
distkey (movie_id)
sortkey (rated_at);

create table movies (
    movie_id  bigint        not null,
    title     varchar(1000) not null,
    genres    varchar(1000)
)
diststyle all
sortkey (movie_id);

create table reviews (
    review_id  bigint not null,
    movie_id   bigint not null,
    score      float8 not null,
    body       varchar(65535)
)
diststyle key
distkey (movie_id)
sortkey (review_id);
