package main

import (
	"fmt"

	"lamplighter/localcloud/demo/events"
)

// held back are the newest days: half of them come in for night 2, half for
// night 4.
const heldBack = 3

// planned is one night before it runs.
type planned struct {
	title   string
	date    string // the run's
	objects []events.Object
	rows    map[string]int64 // of the objects, by table
	killed  bool
}

// script is the four nights of a set of events.
func script(data *events.Data) ([]planned, error) {
	days := data.Days()
	if len(days) < 4*heldBack {
		return nil, fmt.Errorf("the events cover %d days; four nights need %d", len(days), 4*heldBack)
	}
	first, second, last := days[len(days)-1-2*heldBack], days[len(days)-1-heldBack], days[len(days)-1]
	late := lateDay(data, first)
	movies, err := data.MovieObject()
	if err != nil {
		return nil, err
	}
	straggler, err := data.LateObject(late)
	if err != nil {
		return nil, err
	}
	nights := []planned{
		{title: "bootstrap: nothing was ever promoted; all history is loaded", date: after(first)},
		{title: "incremental: only the new days, and one late object of " + late.Day.String(), date: after(second)},
		{title: "nothing new", date: after(second + 1)},
		{title: "killed: kill -9 in the middle of the COPY, then started again", date: after(max(last, second+2)), killed: true},
	}
	for i, span := range [][2]events.Day{{-1, first}, {first, second}, {}, {second, last}} {
		objects, err := data.Objects(span[0], span[1], late)
		if err != nil {
			return nil, err
		}
		nights[i].objects = objects
		nights[i].rows = rowsBetween(data, span[0], span[1], late)
	}
	nights[0].objects = append(nights[0].objects, movies)
	nights[0].rows["movies"] = int64(len(data.Movies))
	nights[1].objects = append(nights[1].objects, straggler)
	nights[1].rows["ratings"] += lateRows(data, late)
	return nights, nil
}

// after is the date of the run that covers a day as its last one.
func after(day events.Day) string { return (day + 1).String() }

// lateDay is the day of the first night's history with most ratings: every
// second of them comes late.
func lateDay(data *events.Data, through events.Day) events.Late {
	times, most := map[events.Day]int{}, events.Day(0)
	for _, r := range data.Ratings {
		if day := events.DayOf(r.At); day <= through {
			times[day]++
			if n := times[day]; n > times[most] || n == times[most] && day < most {
				most = day
			}
		}
	}
	return events.Late{Day: most, Every: 2}
}

func lateRows(data *events.Data, late events.Late) int64 {
	n := int64(0)
	for _, r := range data.Ratings {
		if events.DayOf(r.At) == late.Day {
			n++
		}
	}
	return (n + int64(late.Every) - 1) / int64(late.Every)
}

// rowsBetween counts what data.Objects holds, from the events themselves.
func rowsBetween(data *events.Data, from, through events.Day, late events.Late) map[string]int64 {
	rows := map[string]int64{}
	for _, r := range data.Ratings {
		if day := events.DayOf(r.At); day > from && day <= through {
			rows["ratings"]++
		}
	}
	if late.Day > from && late.Day <= through {
		rows["ratings"] -= lateRows(data, late)
	}
	for _, r := range data.Reviews {
		if r.Day > from && r.Day <= through {
			rows["reviews"]++
		}
	}
	return rows
}
