package simnight

import (
	"encoding/json"

	"lamplighter/resources"
)

// busy says that another controller holds the lease: a scheduler tries again.
func busy(err error) bool { return resources.ClassOf(err) == resources.Busy }

// superseded says that another controller goes on with the run.
func superseded(err error) bool { return resources.ClassOf(err) == resources.Fenced }

func decode(body []byte, v any) error { return json.Unmarshal(body, v) }
