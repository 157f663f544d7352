// Package simcloud is the cloud that lamplighter is proven on: Redshift, EMR,
// S3, EventBridge Scheduler and STS as state machines.
//
// It is two things. Cloud is the control planes alone, on any World's time and
// with any Planes behind them: the embedded cloud runs them on the wall clock
// with real data. Simulation is everything on virtual time and in memory: a
// Cloud, S3, a warehouse and Spark, with faults, crash points, an audit of
// every mutating call and the rules that may never be broken.
//
//	sim := simcloud.NewSim(start)
//	cloud := simcloud.Simulate(sim, simcloud.SimOptions{Seed: 1})
//	p := sim.NewProc("p1")          // a process of ours: its own resources.Clock
//	client := cloud.Client(p)       // what it talks to the cloud with
//	p.Go(func() { … })
//	cloud.CrashAt(17, p.Kill)
//	sim.Run(limit)                  // until no process is left
//	sim.Drain(later)                // the cloud goes on alone
//	cloud.Violations(); cloud.Alive(); cloud.Billed(); cloud.Audit()
//
// It is looser than AWS, never stricter: reads lag and flap, replies get lost
// after the effect, effects come late, accepted deletes bounce, names of EMR
// clusters repeat, undocumented states appear, and what no source settles is
// done both ways (Rules). It is deterministic: the same seed and the same
// calls give the same run, so a failing seed is a bug report.
package simcloud
