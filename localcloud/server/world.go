package server

import (
	"container/heap"
	"sync"
	"time"
)

// world is real time for the control planes, and the one lock around them. It
// implements simcloud.World and sync.Locker.
type world struct {
	big    sync.Mutex // around every request and timer
	dirty  bool       // something changed since the lock was taken
	save   func()     // called with the lock held, before it is given back, if so
	wake   chan struct{}
	closed chan struct{}
	ended  chan struct{}

	mu    sync.Mutex // around the queue only: At may be called with or without the lock
	queue timers
	seq   int
}

func newWorld() *world {
	return &world{save: func() {}, wake: make(chan struct{}, 1), closed: make(chan struct{}), ended: make(chan struct{})}
}

// Lock takes the one lock.
func (w *world) Lock() { w.big.Lock() }

// Unlock saves what changed and gives the lock back: who was told of a change
// finds it again after any crash.
func (w *world) Unlock() {
	if w.dirty {
		w.dirty = false
		w.save()
	}
	w.big.Unlock()
}

func (w *world) changed() { w.dirty = true }

// Now is the wall clock, in UTC.
func (w *world) Now() time.Time { return time.Now().UTC() }

// At runs fn under the lock at t; see simcloud.World.
func (w *world) At(t time.Time, fn func()) {
	w.mu.Lock()
	w.seq++
	heap.Push(&w.queue, timer{t, w.seq, fn})
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run runs timers until close.
func (w *world) run() {
	defer close(w.ended)
	for {
		next, waits := w.next()
		if waits > 0 {
			pause := time.NewTimer(waits)
			select {
			case <-pause.C:
			case <-w.wake:
			case <-w.closed:
				return
			}
			pause.Stop()
			continue
		}
		select {
		case <-w.closed:
			return
		default:
		}
		w.Lock()
		next.fn()
		w.Unlock()
	}
}

// next takes the first timer off the queue if it is due, else says how long to
// wait.
func (w *world) next() (timer, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return timer{}, time.Hour
	}
	if waits := time.Until(w.queue[0].at); waits > 0 {
		return timer{}, waits
	}
	return heap.Pop(&w.queue).(timer), 0
}

// close ends run; a timer under way is finished.
func (w *world) close() {
	close(w.closed)
	<-w.ended
}

type timer struct {
	at  time.Time
	seq int
	fn  func()
}

// timers is a heap: the earliest first, of equal ones the one given first.
type timers []timer

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	if !t[i].at.Equal(t[j].at) {
		return t[i].at.Before(t[j].at)
	}
	return t[i].seq < t[j].seq
}
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)   { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}
