package config

import "time"

// RunID names the run of a window: its local date, with the hour when there
// are several a day.
func (s Schedule) RunID(opens time.Time) string {
	if s.SeveralADay() {
		return opens.Format("2006-01-02t15")
	}
	return opens.Format(time.DateOnly)
}

// OpensOn is when the window of a local date opens: the first instant of the
// schedule on it, or its midnight when the schedule does not fire that day.
func (s Schedule) OpensOn(date string) (time.Time, error) {
	at, err := zone(s.Timezone)
	if err != nil {
		return time.Time{}, err
	}
	midnight, err := time.ParseInLocation(time.DateOnly, date, at)
	if err != nil {
		return time.Time{}, err
	}
	if opens := s.Next(midnight.Add(-time.Nanosecond)); opens.Format(time.DateOnly) == date {
		return opens, nil
	}
	return midnight, nil
}
