package journals3

// Identity says which operating-system process this is, well enough that
// another one on the same machine can prove it dead. Empty fields prove
// nothing.
type Identity struct {
	Host  string `json:"host,omitempty"`
	Boot  string `json:"boot,omitempty"`  // changes with every start of the machine
	PIDNS string `json:"pidns,omitempty"` // process ids mean something within one namespace only
	PID   int    `json:"pid,omitempty"`
	Start string `json:"start,omitempty"` // of the process, in clock ticks since boot: ids are used again
}

// Alive says whether the holder may live, seen from a process: false only when
// it surely does not, because it ran on this very machine, since this boot and
// in this namespace, and no process has its id and start. It fits Lease.Alive.
func (me Identity) Alive(h Holder) bool {
	known := h.Host != "" && h.Boot != "" && h.PIDNS != "" && h.PID > 0 && h.Start != ""
	if !known || h.Host != me.Host || h.Boot != me.Boot || h.PIDNS != me.PIDNS {
		return true
	}
	return running(h.PID, h.Start)
}
