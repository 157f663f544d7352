package journals3

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Process identifies this process. What cannot be read stays empty.
func Process() Identity {
	id := Identity{PID: os.Getpid()}
	id.Host, _ = os.Hostname()
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		id.Boot = strings.TrimSpace(string(boot))
	}
	id.PIDNS, _ = os.Readlink("/proc/self/ns/pid")
	_, id.Start, _ = readStat("self")
	return id
}

// running says whether a process with this id and start may exist. A process
// that /proc hides from us (hidepid) still answers a signal 0.
func running(pid int, start string) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	state, started, ok := readStat(strconv.Itoa(pid))
	if !ok {
		return true
	}
	return started == start && state != "Z" && state != "X" // neither zombie nor dead
}

// readStat reads state and start time of a process from /proc (proc(5): fields
// 3 and 22; the second field is a name in brackets that may hold anything).
func readStat(pid string) (state, start string, ok bool) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", "", false
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return "", "", false
	}
	return fields[0], fields[19], true
}
