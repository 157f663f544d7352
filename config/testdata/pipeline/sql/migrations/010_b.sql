create table b (x int);
