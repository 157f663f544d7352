package steps

import (
	"context"
	"time"

	"lamplighter/config"
	"lamplighter/controller"
	"lamplighter/controller/journal"
	"lamplighter/resources"
	"lamplighter/resources/warehouse"
)

// UnloadSpec is an unload step, resolved.
type UnloadSpec struct {
	Query     string                   `json:"query"`
	Files     warehouse.Files          `json:"files,omitzero"` // zero: Parquet
	WhenEmpty string                   `json:"when_empty"`     // skip, run, fail
	Expect    map[string]config.Bounds `json:"expect,omitempty"`
	Publish   *Shelf                   `json:"publish,omitempty"`
	Timeout   time.Duration            `json:"timeout,omitempty"`
}

// files is how an unload's files are to be, of the pipeline file.
func files(u *config.Unload) warehouse.Files {
	kind, o := u.Format.Kind()
	f := warehouse.Files{Format: kind, Header: o.Header, Delimiter: o.Delimiter, NullAs: o.NullAs, Compression: u.Compression,
		PartitionBy: u.PartitionBy, MaxMB: int64(u.MaxFileSize), Single: u.SingleFile, OrderBy: u.OrderBy}
	if f.Compression == "none" {
		f.Compression = ""
	}
	return f
}

// unload writes a query's rows under a prefix of its own for each try:
// UNLOAD is not atomic, and a used prefix is never used again.
type unload struct {
	base
	spec UnloadSpec
}

func (u *unload) Reconcile(ctx context.Context, p *controller.Pass) (controller.Next, error) {
	try := p.Facts.Tries[journal.Act{Step: u.n.Name, Verb: "unload"}] + 1
	at := u.place(p)
	prefix := u.Layout.Data(at.id, u.n.Name, try)
	how := u.spec.Files
	if how.Format == "" { // a plan of before there were others
		how.Format = "parquet"
	}
	wrote, done, next, err := untilDone(ctx, p, "unload", "UNLOAD", resources.Ref{Kind: resources.KindDataset, Name: prefix},
		func(ctx context.Context) (d Dataset, err error) {
			err = u.session(ctx, at.cluster, func(s warehouse.Session) error {
				un, err := s.Unload(ctx, warehouse.Unload{Query: u.spec.Query, Prefix: prefix, Files: how, Role: u.Role, Region: u.Region, Timeout: at.limit})
				d = Dataset{Name: u.n.Name, URI: prefix, Format: how.Format, Rows: un.Rows, Objects: len(un.Objects), Manifest: un.Manifest}
				for _, o := range un.Objects {
					d.Bytes += o.Size
				}
				return err
			})
			return d, err
		})
	if !done || err != nil {
		return next, err
	}
	if wrote.Rows == 0 && u.spec.WhenEmpty == "fail" {
		return controller.Next{}, &resources.Fault{Class: resources.Permanent, Code: resources.CodeCheck,
			Msg: "the query returned no rows, and when_empty is fail"}
	}
	if wrote.Rows == 0 && u.spec.WhenEmpty != "run" {
		return controller.Next{State: controller.Skipping, Why: controller.WhyEmpty, Result: wrote}, nil
	}
	return controller.Done(wrote)
}
