// Command localcloud is the embedded cloud: S3, Redshift, EMR, EventBridge
// Scheduler and STS on this machine, with real data behind them, behind one
// endpoint and in one folder.
//
//	localcloud start --data DIR [flags]   runs until SIGINT or SIGTERM
//	localcloud status --data DIR [-o json]
//	localcloud env --data DIR             exports for AWS's tools
//	localcloud stop --data DIR
package main

import (
	"fmt"
	"os"

	"lamplighter/localcloud/s3node"
	"lamplighter/localcloud/spark"
)

// Commands that start starts of itself; see s3node and spark.
const (
	childObjects = "s3-child"
	childStep    = "step-child"
)

const usage = `usage:
  localcloud start --data DIR [flags]    run until Ctrl-C or SIGTERM
  localcloud status --data DIR [-o json] what exists, and what billed
  localcloud env --data DIR              exports that let aws, boto3 and Terraform reach it: eval "$(localcloud env …)"
  localcloud stop --data DIR             end a running one

localcloud start -h tells its flags; localcloud/README.md tells what is there.
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	command, args := os.Args[1], os.Args[2:]
	var err error
	switch command {
	case "start":
		err = start(args)
	case "status":
		err = status(args)
	case "env":
		err = env(args)
	case "stop":
		err = stop(args)
	case childObjects:
		err = s3node.Serve(os.Stdin, os.Stdout)
	case childStep:
		os.Exit(spark.Supervise(os.Stdin))
	case "help", "-h", "--help":
		fmt.Print(usage)
	default:
		fmt.Fprintf(os.Stderr, "localcloud: no command %q\n%s", command, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "localcloud:", err)
		os.Exit(1)
	}
}
