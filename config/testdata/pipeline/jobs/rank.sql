select * from users where user_id > :lowest
