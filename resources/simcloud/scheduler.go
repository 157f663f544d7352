package simcloud

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	awsemr "github.com/aws/aws-sdk-go-v2/service/emr"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
)

func (c *Cloud) schedule(group, name string) *Schedule {
	for _, s := range c.state.Schedules {
		if s.Group == group && s.Name == name {
			return s
		}
	}
	return nil
}

func (c *Cloud) keepSchedule(s *Schedule, gone bool) {
	c.dirty = true
	if c.past == nil {
		return
	}
	v := s.clone()
	if gone {
		v = nil
	}
	c.past.schedules.add(s.Group+"/"+s.Name, c.now(), v)
}

func (c *Cloud) addSchedule(s *Schedule) {
	c.state.Schedules = append(c.state.Schedules, s)
	c.keepSchedule(s, false)
	c.announce("switch", s.Name, "", s.State)
	c.arm(s)
}

func (c *Cloud) removeSchedule(s *Schedule) {
	s.Next = time.Time{}
	c.state.Schedules = remove(c.state.Schedules, s)
	c.keepSchedule(s, true)
	c.announce("switch", s.Name, "", "")
}

// arm waits for a schedule's next turn, or completes it when there is none.
func (c *Cloud) arm(s *Schedule) {
	if s.Next.IsZero() {
		if s.DeleteAfter && s.State == "ENABLED" {
			c.removeSchedule(s)
		}
		return
	}
	turn := s.Next
	c.at(turn.Add(c.opts.Pace(PhaseInvoke)), func() {
		if !s.Next.Equal(turn) {
			return // deleted meanwhile
		}
		if s.State == "ENABLED" {
			s.Fired++
			c.invoke(s, c.now(), 0)
		}
		s.Next = s.after(turn)
		c.keepSchedule(s, false)
		c.arm(s)
	})
}

// first is the first turn of a schedule that is made now.
func (s *Schedule) first(now time.Time) (time.Time, error) {
	kind, arg, ok := strings.Cut(strings.TrimSuffix(s.Expression, ")"), "(")
	switch {
	case ok && kind == "at":
		zone, err := time.LoadLocation(or(s.Zone, "UTC"))
		if err != nil {
			return time.Time{}, errSchedule("Invalid ScheduleExpressionTimezone %s.", s.Zone)
		}
		t, err := time.ParseInLocation("2006-01-02T15:04:05", arg, zone)
		if err != nil {
			return time.Time{}, errSchedule("Invalid Schedule Expression %s.", s.Expression)
		}
		return t.UTC(), nil
	case ok && kind == "rate":
		if s.every() == 0 {
			return time.Time{}, errSchedule("Invalid Schedule Expression %s.", s.Expression)
		}
		if s.Start.After(now) {
			return s.Start, nil
		}
		return now, nil
	}
	return time.Time{}, errSchedule("This cloud knows the schedule expressions rate(N minutes|hours|days) and at(yyyy-mm-ddThh:mm:ss), not %s.", s.Expression)
}

// every is the period of a rate expression, 0 when it is none.
func (s *Schedule) every() time.Duration {
	arg, ok := strings.CutPrefix(strings.TrimSuffix(s.Expression, ")"), "rate(")
	number, unit, ok2 := strings.Cut(arg, " ")
	n, err := strconv.Atoi(number)
	if !ok || !ok2 || err != nil || n < 1 {
		return 0
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	return time.Duration(n) * units[strings.TrimSuffix(unit, "s")]
}

// after is the turn that follows one, zero when the schedule is complete.
func (s *Schedule) after(turn time.Time) time.Time {
	every := s.every()
	if every == 0 {
		return time.Time{}
	}
	next := turn.Add(every)
	if !s.End.IsZero() && !next.Before(s.End) {
		return time.Time{}
	}
	return next
}

// invoke calls a schedule's target, and again after a refusal if Rules let it.
func (c *Cloud) invoke(s *Schedule, turn time.Time, try int32) {
	err := error(generic("InternalServerException", "the call was lost"))
	if !c.fate(FateInvoke, s.Name) {
		err = c.call(s.Target)
	}
	if c.onFire != nil {
		c.onFire(s, s.Target.ARN, err)
	}
	wait := min(time.Minute<<min(try, 5), time.Hour)
	again := c.now().Add(wait)
	late := again.After(turn.Add(time.Duration(or(s.Target.MaxAge, 86400)) * time.Second))
	if err == nil || c.opts.Rules.SchedulerGivesUp || try >= s.Target.MaxRetries || late {
		return
	}
	c.at(again, func() {
		if s.State == "ENABLED" { // a completed one goes on trying, a deleted one does not
			c.invoke(s, turn, try+1)
		}
	})
}

// targets are the universal targets that the scheduler can call, by the end of
// their ARN after arn:aws:scheduler:::aws-sdk:. Input is the request's JSON in
// the API's casing.
var targets = map[string]func(c *Cloud, input []byte) error{
	"redshift:deleteCluster": func(c *Cloud, input []byte) error {
		var in awsredshift.DeleteClusterInput
		if err := decode(input, &in); err != nil {
			return err
		}
		_, err := redshiftAPI{c, present}.DeleteCluster(context.Background(), &in)
		return err
	},
	"redshift:pauseCluster": func(c *Cloud, input []byte) error {
		var in awsredshift.PauseClusterInput
		if err := decode(input, &in); err != nil {
			return err
		}
		_, err := redshiftAPI{c, present}.PauseCluster(context.Background(), &in)
		return err
	},
	"emr:terminateJobFlows": func(c *Cloud, input []byte) error {
		var in awsemr.TerminateJobFlowsInput
		if err := decode(input, &in); err != nil {
			return err
		}
		_, err := emrAPI{c, present}.TerminateJobFlows(context.Background(), &in)
		return err
	},
}

const targetPrefix = "arn:aws:scheduler:::aws-sdk:"

func decode(input []byte, into any) error {
	if err := json.Unmarshal(input, into); err != nil {
		return errSchedule("Invalid RequestJson provided. Reason %s.", err)
	}
	return nil
}

// call carries out one call of a target, with the context words replaced.
func (c *Cloud) call(t Target) error {
	input := t.Input
	if strings.Contains(input, "<aws.scheduler.execution-id>") {
		input = strings.ReplaceAll(input, "<aws.scheduler.execution-id>", c.uuid())
	}
	return targets[strings.TrimPrefix(t.ARN, targetPrefix)](c, []byte(input))
}

// resumeSchedules waits again for the turns of a saved State; one that was
// missed comes now.
func (c *Cloud) resumeSchedules() {
	for _, s := range c.state.Schedules {
		if !s.Next.IsZero() {
			c.arm(s)
		}
	}
}
