package cost

import "maps"

// Embedded is the price book that comes with the program. All prices are list
// prices without tax, discounts, disks (EBS) or data transfer.
func Embedded() Book {
	return Book{
		Date:      "2026-10-07",
		Nodes:     maps.Clone(nodes),
		Instances: maps.Clone(instances),
		SpotPart:  40,
		FeePart:   25,
		Storage:   maps.Clone(storage),
		Doubtful:  maps.Clone(doubtful),
	}
}

// Redshift, per node-hour on demand. us-east-1: read second-hand off the
// pricing page and from infracost's price data, 2026-10-07 (rg.xlarge:
// 2026-09-24). us-east-2 and us-west-2 have always had the same prices; a
// public table of early 2026 agrees. eu-*: from memory, see doubtful.
var nodes = map[Place]Micros{
	{"us-east-1", "ra3.large"}:    543_000,
	{"us-east-1", "ra3.xlplus"}:   1_086_000,
	{"us-east-1", "ra3.4xlarge"}:  3_260_000,
	{"us-east-1", "ra3.16xlarge"}: 13_040_000,
	{"us-east-1", "rg.xlarge"}:    760_200,

	{"us-east-2", "ra3.large"}:    543_000,
	{"us-east-2", "ra3.xlplus"}:   1_086_000,
	{"us-east-2", "ra3.4xlarge"}:  3_260_000,
	{"us-east-2", "ra3.16xlarge"}: 13_040_000,

	{"us-west-2", "ra3.large"}:    543_000,
	{"us-west-2", "ra3.xlplus"}:   1_086_000,
	{"us-west-2", "ra3.4xlarge"}:  3_260_000,
	{"us-west-2", "ra3.16xlarge"}: 13_040_000,

	{"eu-west-1", "ra3.large"}:    601_000,
	{"eu-west-1", "ra3.xlplus"}:   1_202_000,
	{"eu-west-1", "ra3.4xlarge"}:  3_606_000,
	{"eu-west-1", "ra3.16xlarge"}: 14_424_000,

	{"eu-central-1", "ra3.large"}:    649_000,
	{"eu-central-1", "ra3.xlplus"}:   1_298_000,
	{"eu-central-1", "ra3.4xlarge"}:  3_894_000,
	{"eu-central-1", "ra3.16xlarge"}: 15_578_000,
}

// EC2 Linux on demand, the xlarge of each family. m5, r5, c5, m6g and m7g in
// us-east-1: price tables in public repositories, 2026-10. The others, and
// eu-*: from memory. us-east-2 and us-west-2 equal us-east-1 (checked for one
// family in SkyPilot's catalogue, which is read from the price list).
//
// EMR's fee is a quarter of these for every type whose fee was seen (m5, r5,
// c5, m6g and m7g up to 4xlarge; EMR price tables in public repositories).
var instances = func() map[Place]Micros {
	us := map[string]Micros{
		"m5": 192_000, "m6i": 192_000, "m6g": 154_000, "m7g": 163_200,
		"r5": 252_000, "r6i": 252_000, "r6g": 201_600, "r7g": 214_200,
		"c5": 170_000, "c6i": 170_000, "c6g": 136_000, "c7g": 145_000,
	}
	table := map[Place]Micros{
		{"eu-west-1", "m5"}: 214_000, {"eu-west-1", "m6i"}: 214_000,
		{"eu-west-1", "m6g"}: 172_000, {"eu-west-1", "m7g"}: 182_200,
		{"eu-west-1", "r5"}: 282_000, {"eu-west-1", "r6i"}: 282_000, {"eu-west-1", "r6g"}: 225_600,
		{"eu-west-1", "c5"}: 192_000,

		{"eu-central-1", "m5"}: 230_000, {"eu-central-1", "m6i"}: 230_000,
		{"eu-central-1", "m6g"}: 184_000, {"eu-central-1", "m7g"}: 195_200,
		{"eu-central-1", "r5"}: 304_000, {"eu-central-1", "r6i"}: 304_000, {"eu-central-1", "r6g"}: 243_200,
		{"eu-central-1", "c5"}: 194_000,
	}
	for family, price := range us {
		for _, region := range []string{"us-east-1", "us-east-2", "us-west-2"} {
			table[Place{region, family}] = price
		}
	}
	return table
}()

// Managed storage and snapshots in us-east-1: Redshift's pricing page, seen
// second-hand, 2026-10-07. S3, and eu-*: from memory.
var storage = map[string]Storage{
	"us-east-1":    {Managed: 24_000, Snapshot: 23_000, S3: 23_000},
	"us-east-2":    {Managed: 24_000, Snapshot: 23_000, S3: 23_000},
	"us-west-2":    {Managed: 24_000, Snapshot: 23_000, S3: 23_000},
	"eu-west-1":    {Managed: 24_000, Snapshot: 23_000, S3: 23_000},
	"eu-central-1": {Managed: 25_600, Snapshot: 24_500, S3: 24_500},
}

var doubtful = map[string]string{
	"eu-west-1":    "the prices of eu-west-1 are from memory",
	"eu-central-1": "the prices of eu-central-1 are from memory",
}
