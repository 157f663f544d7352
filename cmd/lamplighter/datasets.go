package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lamplighter/config"
	"lamplighter/controller/night"
	"lamplighter/controller/report"
	"lamplighter/resources"
)

func (a *app) datasets() *cobra.Command {
	files := false
	cmd := &cobra.Command{
		Use: "datasets [NAME]", Short: "Show what unloads and Spark steps wrote, and where readers find it", Args: cobra.MaximumNArgs(1),
		Long: `datasets shows each dataset of the pipeline file: how much it holds, which run made it and
how long ago, where it lies and where it is published. With --files it prints the URIs of
one dataset's files, a line each: those that are published, else those of the newest.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if files && len(args) == 0 {
				return usage(&resources.Fault{Class: resources.Permanent, Msg: "--files wants the name of a dataset", Hint: "`lamplighter datasets` lists them"})
			}
			p, e, world, err := a.place(cmd.Context())
			if err != nil {
				return err
			}
			all, err := night.Datasets(cmd.Context(), world, p, e)
			if err != nil {
				return refused(err)
			}
			if len(args) > 0 {
				if all, err = only(all, args[0]); err != nil {
					return err
				}
			}
			if files {
				return a.listFiles(cmd.Context(), world, p, e, all[0])
			}
			a.tellDatasets(all, world.Clock.Now(), a.look(p))
			return nil
		},
	}
	cmd.Flags().BoolVar(&files, "files", false, "print the URIs of its files")
	return cmd
}

// only is the dataset of a name.
func only(all []night.Dataset, name string) ([]night.Dataset, error) {
	var names []string
	for i, d := range all {
		if d.Name == name {
			return all[i : i+1], nil
		}
		names = append(names, d.Name)
	}
	hint := "no step writes one"
	if len(names) > 0 {
		hint = "there are: " + strings.Join(names, ", ")
	}
	return nil, usage(&resources.Fault{Class: resources.Permanent, Msg: "the pipeline has no dataset " + name, Hint: hint})
}

func (a *app) listFiles(ctx context.Context, w night.World, p *config.Pipeline, e *config.Environment, d night.Dataset) error {
	uris, err := d.Files(ctx, w, p, e)
	if err != nil {
		return refused(err)
	}
	if a.json() {
		return a.asJSON(map[string]any{"v": 1, "name": d.Name, "files": append([]string{}, uris...)})
	}
	for _, uri := range uris {
		fmt.Fprintln(a.stdout, uri)
	}
	return nil
}

// datasetJSON is a line of `datasets -o json`: version 1.
type datasetJSON struct {
	V         int            `json:"v"`
	Name      string         `json:"name"`
	Newest    *madeJSON      `json:"newest,omitempty"`
	Published *publishedJSON `json:"published,omitempty"`
	Pointer   string         `json:"pointer"`
	Prefix    string         `json:"prefix,omitempty"`
}

type madeJSON struct {
	Run     string    `json:"run"`
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at,omitzero"`
	Through string    `json:"data_through"`
	URI     string    `json:"uri"`
	Format  string    `json:"format,omitempty"`
	Rows    int64     `json:"rows"`
	Objects int       `json:"objects"`
	Bytes   int64     `json:"bytes"`
}

type publishedJSON struct {
	madeJSON
	Copies string `json:"copies,omitempty"`
}

func (a *app) tellDatasets(all []night.Dataset, now time.Time, look report.Look) {
	if !a.json() {
		fmt.Fprint(a.stdout, report.Datasets(told(all), now, look))
		return
	}
	for _, d := range all {
		out := datasetJSON{V: 1, Name: d.Name, Pointer: d.Pointer, Prefix: d.Prefix}
		if m := d.Newest; m != nil {
			line := made(*m)
			out.Newest = &line
		}
		if p := d.Published; p != nil {
			out.Published = &publishedJSON{made(night.Made{Dataset: p.Dataset, ID: p.Made, At: p.At, Through: p.DataThrough}), p.Copies}
		}
		_ = a.asJSON(out)
	}
}

func made(m night.Made) madeJSON {
	return madeJSON{Run: m.ID.Run, Attempt: m.ID.Attempt, At: m.At, Through: m.Through, URI: m.URI, Format: m.Format, Rows: m.Rows, Objects: m.Objects, Bytes: m.Bytes}
}

// told is what the report says of datasets.
func told(all []night.Dataset) (out []report.DatasetStanding) {
	line := func(m night.Made) *report.DatasetMade {
		return &report.DatasetMade{URI: m.URI, Rows: m.Rows, Objects: int64(m.Objects), Bytes: m.Bytes, ID: m.ID, At: m.At, Through: m.Through}
	}
	for _, d := range all {
		s := report.DatasetStanding{Name: d.Name}
		if d.Newest != nil {
			s.Newest = line(*d.Newest)
		}
		if p := d.Published; p != nil {
			s.Published, s.Copies = line(night.Made{Dataset: p.Dataset, ID: p.Made, Through: p.DataThrough}), p.Copies
		}
		out = append(out, s)
	}
	return out
}
