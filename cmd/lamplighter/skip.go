package main

import (
	"context"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/controller/night"
	"lamplighter/controller/steps"
	"lamplighter/resources"
)

func (a *app) skip() *cobra.Command {
	var reason string
	var undo bool
	cmd := &cobra.Command{
		Use: "skip [LOAD PARTITION|OBJECT…]", Short: "Leave a day or an object out of a load, or take it in again; list what is left out",
		Long: `skip leaves partitions (2026-11-21, or 2026-11-21T13 of an hourly source) or objects
(s3://bucket/key) out of a load, from the next attempt on, until --undo. It takes no lease
and touches no warehouse: rows that are loaded already stay. Without arguments it lists
what is left out, also what a load with on_fail: quarantine set aside.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return fmt.Errorf("skip %s: which partition or object? For example: lamplighter skip %s 2026-11-21 --reason \"cut off\"", args[0], args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p, e, world, err := a.place(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 0 {
				skips, err := night.Skips(cmd.Context(), world, p, e)
				if err != nil {
					return refused(err)
				}
				return a.tellSkips(skips)
			}
			wanted, err := readSkips(p, args, reason, undo)
			if err != nil {
				return usage(err)
			}
			for i := range wanted {
				wanted[i].At = world.Clock.Now().UTC()
			}
			return a.changeSkips(cmd.Context(), world, p, e, wanted, undo)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`WHY` it is left out; shown wherever it is")
	cmd.Flags().BoolVar(&undo, "undo", false, "load it again, however far back it lies")
	return cmd
}

// readSkips makes skips of arguments.
func readSkips(p *config.Pipeline, args []string, reason string, undo bool) (skips []steps.Skip, err error) {
	name, pattern, err := loadNamed(p, args[0])
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(reason) == "" && !undo {
		return nil, mistake("whoever reads this in a month wants to know", "skip wants a --reason")
	}
	if reason != "" && undo {
		return nil, mistake("leave --reason out", "--undo takes no --reason")
	}
	for _, arg := range args[1:] {
		s := steps.Skip{Load: name, Reason: reason, By: person()}
		if strings.HasPrefix(arg, "s3://") {
			s.Object = arg
			if key, ok := strings.CutPrefix(arg, "s3://"+pattern.Bucket+"/"); !ok || !pattern.Fits(key) {
				return nil, mistake("that load reads "+from(p, name), "%s is no object of %s", strconv.Quote(arg), name)
			}
		} else {
			s.Partition = arg
			if err := ofPattern(pattern, arg); err != nil {
				return nil, err
			}
		}
		skips = append(skips, s)
	}
	return skips, nil
}

// ofPattern says what is wrong with a partition's name.
func ofPattern(p *config.Pattern, partition string) error {
	_, hourly, err := config.ParsePartition(partition)
	switch {
	case !p.Dated():
		return mistake("name an object: s3://bucket/key", "this load has no partitions")
	case err != nil && p.Hourly():
		return mistake("write an hour, 2026-11-21T13, or an object, s3://bucket/key", "%s is not an hour", strconv.Quote(partition))
	case err != nil:
		return mistake("write a day, 2026-11-21, or an object, s3://bucket/key", "%s is not a day", strconv.Quote(partition))
	case hourly && !p.Hourly():
		return mistake("write the day: "+partition[:len(config.DayPartition)], "the partitions of this load are days")
	case !hourly && p.Hourly():
		return mistake("write the hours one by one: "+partition+"T13", "the partitions of this load are hours")
	}
	return nil
}

func mistake(hint, format string, args ...any) error {
	return &resources.Fault{Class: resources.Permanent, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// loadNamed finds a load by its step's name, or by its table's.
func loadNamed(p *config.Pipeline, name string) (string, *config.Pattern, error) {
	var names, into []string
	for _, s := range p.Steps {
		if s.Load == nil || s.Load.From == "" {
			continue
		}
		names = append(names, s.Name)
		if s.Name == name {
			into = []string{s.Name}
			break
		}
		if s.Load.Into == name {
			into = append(into, s.Name)
		}
	}
	switch {
	case len(into) > 1:
		return "", nil, mistake("name one of them", "the loads %s go into %s", strings.Join(into, " and "), name)
	case len(into) == 0 && len(names) == 0:
		return "", nil, mistake("only loads from S3 leave something out", "this pipeline has none")
	case len(into) == 0:
		return "", nil, mistake("loads from S3: "+strings.Join(names, ", "), "no load is called %s, and none goes into such a table", strconv.Quote(name))
	}
	pattern, err := config.ParsePattern(from(p, into[0]))
	return into[0], pattern, err
}

func from(p *config.Pipeline, load string) string {
	for _, s := range p.Steps {
		if s.Name == load {
			return s.Load.From
		}
	}
	return ""
}

// person is who skips, for those who read it later.
func person() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// changeSkips writes skips down, or lifts them.
func (a *app) changeSkips(ctx context.Context, w night.World, p *config.Pipeline, e *config.Environment, wanted []steps.Skip, undo bool) error {
	err := night.ChangeSkips(ctx, w, p, e, func(skips []steps.Skip) ([]steps.Skip, error) {
		for _, s := range wanted {
			if !undo {
				skips = steps.AddSkip(skips, s)
				continue
			}
			list, ok := steps.UndoSkip(skips, s)
			if !ok {
				return nil, &resources.Fault{Class: resources.Permanent, Code: steps.CodeRefused,
					Msg: fmt.Sprintf("%s leaves out no %s", s.Load, s.What()), Hint: "`lamplighter skip` lists what is left out"}
			}
			skips = list
		}
		return skips, nil
	})
	if err != nil {
		return refused(err)
	}
	for _, s := range wanted {
		if undo {
			fmt.Fprintf(a.stderr, "%s takes %s in again\n", s.Load, s.What())
		} else {
			fmt.Fprintf(a.stderr, "%s leaves %s out from the next attempt on; rows that are loaded already stay\n", s.Load, s.What())
		}
	}
	return nil
}

// skipJSON is a line of `skip -o json`: version 1.
type skipJSON struct {
	V int `json:"v"`
	steps.Skip
}

func (a *app) tellSkips(skips []steps.Skip) error {
	n := 0
	for _, s := range skips {
		if !s.Undone.IsZero() {
			continue
		}
		n++
		if a.json() {
			if err := a.asJSON(skipJSON{V: 1, Skip: s}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintln(a.stdout, skipLine(s))
	}
	if n == 0 && !a.json() {
		fmt.Fprintln(a.stdout, "nothing is left out")
	}
	return nil
}

func skipLine(s steps.Skip) string {
	until := ""
	if s.Content != "" {
		until = ", until it changes"
	}
	return fmt.Sprintf("%s leaves out %s (%s%s): %s", s.Load, s.What(), s.Who(), until, strings.Join(strings.Fields(s.Reason), " "))
}
