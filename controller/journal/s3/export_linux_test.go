package journals3

import "strconv"

// ProcessOf identifies another process of this machine.
func ProcessOf(pid int) Identity {
	id := Process()
	id.PID = pid
	_, id.Start, _ = readStat(strconv.Itoa(pid))
	return id
}
