package cost

import (
	"fmt"
	"strings"

	"lamplighter/resources"
)

// Services of a Shape.
const (
	Redshift = "redshift"
	EMR      = "emr"
)

// Spot is the market of a Shape whose EC2 price moves.
const Spot = "spot"

// Place is a machine type in a region.
type Place struct{ Region, Type string }

// Book is a list of prices. It is data: whoever has newer prices fills in
// another one.
type Book struct {
	Date      string           // when the prices held, 2026-10-07
	Nodes     map[Place]Micros // Redshift, per node-hour, on demand
	Instances map[Place]Micros // EC2 Linux, per instance-hour, on demand, by family: Type is m6g, the price that of its xlarge
	SpotNow   map[Place]Micros // EC2 Spot by whole type (m6g.xlarge), where somebody asked; else SpotPart
	// SpotPart is what Spot is taken to cost, in hundredths of the on-demand
	// price, when nobody asked.
	SpotPart int64
	// FeePart is EMR's own fee in hundredths of the on-demand price, the same
	// on Spot.
	FeePart  int64
	Storage  map[string]Storage // by region
	Doubtful map[string]string  // by region: why its prices are to be doubted
}

// Storage is what keeping data costs in a region, per GB and month.
type Storage struct {
	Managed  Micros // RA3 and RG managed storage
	Snapshot Micros // manual snapshots, first 50 TB
	S3       Micros // standard class, first 50 TB
}

// Price is what one machine of a shape costs.
type Price struct {
	PerHour Micros
	Note    string // why it is not to be trusted to the cent; may be empty
}

// Of is the price of one machine of a shape; ok is false when the book does
// not know it.
func (b Book) Of(s resources.Shape) (p Price, ok bool) {
	switch s.Service {
	case Redshift:
		p.PerHour, ok = b.Nodes[Place{s.Region, s.Type}]
	case EMR:
		p, ok = b.instance(s)
	}
	if doubt := b.Doubtful[s.Region]; ok && doubt != "" {
		p.Note = join(p.Note, doubt)
	}
	return p, ok
}

// instance prices an EMR node: EC2's part and EMR's fee on top of it.
func (b Book) instance(s resources.Shape) (Price, bool) {
	family, size, _ := strings.Cut(s.Type, ".")
	base, ok := b.Instances[Place{s.Region, family}]
	halves, known := sizes[size]
	if !ok || !known {
		return Price{}, false
	}
	demand := base * Micros(halves) / 2
	fee := (demand*Micros(b.FeePart) + 50) / 100
	if s.Market != Spot {
		return Price{PerHour: demand + fee}, true
	}
	if now, ok := b.SpotNow[Place{s.Region, s.Type}]; ok {
		return Price{PerHour: now + fee}, true
	}
	note := fmt.Sprintf("Spot is taken at %d %% of the on-demand price", b.SpotPart)
	return Price{PerHour: (demand*Micros(b.SpotPart)+50)/100 + fee, Note: note}, true
}

// sizes in half xlarges. Prices within a family are proportional; larger ones
// are left out because EMR's fee stops growing with them.
var sizes = map[string]int64{"large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
