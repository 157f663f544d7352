-- What the recommender learns from: of each user and movie the last rating.
create or replace view recommender_view as
select user_id, movie_id, rating
from (
    select user_id, movie_id, rating,
           row_number() over (partition by user_id, movie_id order by rated_at desc, rating desc) as newest
    from ratings
) as ranked
where newest = 1;
