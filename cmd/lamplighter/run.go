package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/cost"
	"lamplighter/controller/journal"
	"lamplighter/controller/night"
	"lamplighter/controller/report"
	"lamplighter/resources"
)

func (a *app) run() *cobra.Command {
	var req night.Request
	cmd := &cobra.Command{
		Use: "run", Short: "Run tonight's work, resuming what is unfinished", Args: cobra.NoArgs,
		Long: `run takes the window that is open now, or with --date the run of that day, and carries
its work through. Started again it goes on where a dead process stopped; a run that has
ended is only told again. So a scheduler simply starts it every few minutes.

--from A --to B covers these days in one lifetime: one restore, one snapshot. --only and
--skip run a part. A part is an attempt of its own: what is unfinished is carried through
first, and the whole night, asked for later, still does all that is left of it.

Ctrl-C: nothing more begins, everything is torn down. Ctrl-C again: leave at once.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doRun(cmd.Context(), req) },
	}
	chooses(cmd.Flags(), &req)
	return cmd
}

func (a *app) doRun(ctx context.Context, req night.Request) error {
	p, e, err := a.ready(&req)
	if err != nil {
		return err
	}
	world, err := realWorld(ctx, p, e)
	if err != nil {
		return err
	}
	reporter, tick := a.reporter(p)
	stop := newSignals(ctx, reporter)
	defer stop.close()
	req.Watch, req.Note, req.Interrupt, req.Started = reporter, reporter.Note, stop.interrupted.Load, stop.started
	done := tick()
	result, err := night.Run(stop.ctx, world, req)
	done()
	return a.tell(world, p, e, req, result, err, stop, reporter)
}

// reporter is the story's teller, and what keeps a live table ticking.
func (a *app) reporter(p *config.Pipeline) (report.Reporter, func() func()) {
	still := func() func() { return func() {} }
	look := lookAt(p, a.stderr, a.getenv)
	switch {
	case a.json():
		return report.NewEvents(a.stdout, wallClock{}.Now), still
	case a.flags.quiet:
		return report.Quiet{}, still
	}
	file, ok := a.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || a.flags.verbose {
		look.Width = 0 // a log line is not cut
		return report.NewLines(a.stderr, look, wallClock{}.Now, a.flags.verbose), still
	}
	size := func() (int, int) {
		width, height, err := term.GetSize(int(file.Fd()))
		if err != nil {
			return 0, 0
		}
		return width, height
	}
	screen := report.NewScreen(file, look, size, wallClock{}.Now, cost.Embedded())
	return screen, func() func() { return every(time.Second, screen.Tick) }
}

func (a *app) look(p *config.Pipeline) report.Look { return lookAt(p, a.stdout, a.getenv) }

// lookAt is how text is written to a stream: in the schedule's zone; coloured,
// and as wide as the terminal, if it is one.
func lookAt(p *config.Pipeline, stream io.Writer, getenv func(string) string) report.Look {
	l := report.Look{}
	if p != nil {
		if zone, err := time.LoadLocation(p.Schedule.Timezone); err == nil {
			l.Zone = zone
		}
	}
	if file, ok := stream.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		l.Color = report.WantsColor(true, getenv)
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			l.Width = width
		}
	}
	return l
}

// tell ends the story: the summary, the state line, the exit code.
func (a *app) tell(w night.World, p *config.Pipeline, e *config.Environment, req night.Request, result night.Result, err error, stop *signals, reporter report.Reporter) error {
	if result.Facts == nil || result.Facts.Opening == nil {
		return &exit{code: result.ExitCode, err: err}
	}
	ending := report.Ending{ExitCode: result.ExitCode, Look: a.look(p)}
	if stop.terminated.Load() {
		ending.ExitCode = afterTerm(result)
		err = nil
	}
	if promoted := night.Promoted(context.WithoutCancel(stop.ctx), w, p, e); promoted != nil {
		ending.NextFrom, ending.DataThrough = promoted.Snapshot, promoted.DataThrough
	}
	bill := a.bill(context.WithoutCancel(stop.ctx), w, p, e, result)
	summary := report.Summarize(result.Records, bill, ending)
	reporter.Close(summary)
	if !a.json() {
		fmt.Fprintln(a.stdout, summary.StateLine)
	}
	if stop.terminated.Load() {
		a.belts(e, result.Facts)
	}
	if err == nil && ending.ExitCode == controller.ExitOK {
		return nil
	}
	return &exit{code: ending.ExitCode, err: err}
}

// belts says what ends by itself what still bills, if no run comes back.
func (a *app) belts(e *config.Environment, f *journal.Facts) {
	told := map[string]bool{}
	for _, o := range f.Debts() {
		if told[o.Ref.Kind] {
			continue
		}
		told[o.Ref.Kind] = true
		switch o.Ref.Kind {
		case resources.KindSwitch:
			fmt.Fprintf(a.stderr, "if no run comes back, the kill switch deletes the warehouse, with a final snapshot, from %s on\n", f.Opening.Window.HardStop.Add(night.SwitchMargin(e)).Format(time.RFC3339))
		case resources.KindFlow:
			fmt.Fprintln(a.stderr, "if no run comes back, the Spark cluster ends with its last step, and each step at its own time limit")
		}
	}
}

// bill is that of the run: of all its attempts, a lost one included. One whose
// records cannot be read now is left out, and the bill says so.
func (a *app) bill(ctx context.Context, w night.World, p *config.Pipeline, e *config.Environment, result night.Result) cost.Statement {
	now := w.Clock.Now()
	if result.Facts.IsClosed {
		now = result.Facts.Latest
	}
	var all []cost.Statement
	unread := ""
	for id := result.ID; id.Attempt > 1; {
		id.Attempt--
		records, err := night.RecordsOf(ctx, w, p, e, id)
		if err != nil {
			unread = fmt.Sprintf("attempt %d is not in it: %v", id.Attempt, err)
			break
		}
		all = append([]cost.Statement{cost.Bill(records, cost.Embedded(), now)}, all...)
	}
	bill := cost.Sum(append(all, cost.Bill(result.Records, cost.Embedded(), now))...)
	if unread != "" {
		bill.AtLeast, bill.Notes = true, append(bill.Notes, unread)
	}
	return bill
}

// afterTerm is the exit code of a run that was told to leave in the middle.
func afterTerm(r night.Result) int {
	if r.Facts.IsClosed {
		return r.ExitCode
	}
	if len(controller.Billing(r.Facts)) > 0 {
		return controller.ExitBilling
	}
	return controller.ExitInterrupted
}

// signals turns Ctrl-C and SIGTERM into what a run understands.
type signals struct {
	ctx         context.Context
	cancel      context.CancelFunc
	channel     chan os.Signal
	reporter    report.Reporter
	interrupted atomic.Bool
	terminated  atomic.Bool
	wake        atomic.Pointer[func()]
}

func newSignals(ctx context.Context, reporter report.Reporter) *signals {
	s := &signals{channel: make(chan os.Signal, 4), reporter: reporter}
	s.ctx, s.cancel = context.WithCancel(ctx)
	signal.Notify(s.channel, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE) // a night goes on when nobody listens any more
	go s.listen()
	return s
}

func (s *signals) listen() {
	for sig := range s.channel {
		switch {
		case sig == syscall.SIGTERM:
			s.terminated.Store(true)
			s.reporter.Note("SIGTERM: leaving; the next run goes on from here")
			s.cancel()
		case s.interrupted.Swap(true):
			s.terminated.Store(true)
			s.reporter.Note("interrupted again: leaving at once")
			s.cancel()
		default:
			s.reporter.Note("interrupted: nothing more begins, tearing down; Ctrl-C again leaves at once")
			if wake := s.wake.Load(); wake != nil {
				(*wake)()
			}
		}
	}
}

func (s *signals) started(wake func()) { s.wake.Store(&wake) }

func (s *signals) close() {
	signal.Stop(s.channel)
	s.cancel()
}

// asJSON writes a value as one line.
func (a *app) asJSON(v any) error { return json.NewEncoder(a.stdout).Encode(v) }

// refused is an exit for errors of looking: nothing was changed.
func refused(err error) error {
	code := controller.ExitFailed
	if c := resources.CodeOf(err); c == "Refused" {
		code = controller.ExitRefused
	} else if c == resources.CodeCheck {
		code = controller.ExitData
	}
	var e *exit
	if errors.As(err, &e) {
		return err
	}
	return &exit{code: code, err: err}
}
