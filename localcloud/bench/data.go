package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lamplighter/localcloud/demo/host"
)

// firstDay is the day of the first object, the first of MovieLens.
var firstDay = time.Date(1996, 3, 29, 0, 0, 0, 0, time.UTC)

func dayKey(day int) string {
	return firstDay.AddDate(0, 0, day).Format("ratings/2006/01/02/") + "part.csv.gz"
}

// header is the first line of every object.
const header = "user_id,movie_id,rating,rated_at\n"

// ratings are the rows of one day, as a gzipped CSV.
func ratings(day, rows int, first string) ([]byte, error) {
	random := rand.New(rand.NewPCG(uint64(day), 20))
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	text := append(make([]byte, 0, rows*40), first...)
	began := firstDay.AddDate(0, 0, day)
	for range rows {
		text = strconv.AppendInt(text, random.Int64N(138_493)+1, 10)
		text = append(text, ',')
		text = strconv.AppendInt(text, int64(random.ExpFloat64()*3000)+1, 10)
		text = append(text, ',')
		text = strconv.AppendFloat(text, float64(random.IntN(10)+1)/2, 'f', 1, 64)
		text = append(text, ',')
		text = began.Add(time.Duration(random.Int64N(86_400))*time.Second).AppendFormat(text, time.DateTime)
		text = append(text, '\n')
	}
	if _, err := packed.Write(text); err != nil {
		return nil, err
	}
	if err := packed.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// publish puts the days from one up to another, rows in all days together.
func publish(ctx context.Context, to *host.Objects, from, until, rows int) error {
	days := make([]int, 0, until-from)
	for day := from; day < until; day++ {
		days = append(days, day)
	}
	return host.Each(ctx, days, func(ctx context.Context, day int) error {
		n := rows / len(days)
		if day-from < rows%len(days) {
			n++
		}
		body, err := ratings(day, n, header)
		if err != nil {
			return err
		}
		return put(ctx, to, eventsBucket, dayKey(day), body)
	})
}

func put(ctx context.Context, to *host.Objects, bucket, key string, body []byte) error {
	_, err := to.API.PutObject(ctx, &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	if err != nil {
		return fmt.Errorf("put s3://%s/%s: %w", bucket, key, err)
	}
	return nil
}
