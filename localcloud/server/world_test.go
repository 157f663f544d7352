package server

import (
	"slices"
	"testing"
	"time"
)

// TestOrder: the earliest first, of equal instants the one given first.
func TestOrder(t *testing.T) {
	w := newWorld()
	base := time.Now().Add(-time.Hour)
	var got []int
	done := make(chan struct{})
	for i, after := range []int{3, 1, 2, 1, 3, 1} {
		w.At(base.Add(time.Duration(after)*time.Second), func() { got = append(got, i) })
	}
	w.At(base.Add(time.Minute), func() { close(done) })
	go w.run()
	<-done
	w.close()
	if want := []int{1, 3, 5, 2, 0, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestAt: from within a timer, from another goroutine that holds the lock, and
// an earlier one than is waited for.
func TestAt(t *testing.T) {
	w := newWorld()
	go w.run()
	defer w.close()
	never := func() { t.Error("a timer ran an hour early") }
	w.At(time.Now().Add(time.Hour), never)
	done := make(chan struct{})
	w.Lock()
	ran := false
	w.At(w.Now(), func() {
		ran = true
		w.At(w.Now(), func() { close(done) })
	})
	time.Sleep(10 * time.Millisecond)
	if ran {
		t.Error("a timer ran while the lock was held")
	}
	w.Unlock()
	<-done
}

// TestSaved: what changed is saved before the lock is free, and only then.
func TestSaved(t *testing.T) {
	w := newWorld()
	saves := 0
	w.save = func() {
		if w.big.TryLock() {
			t.Error("saved without the lock")
		}
		saves++
	}
	w.Lock()
	w.Unlock() //lint:ignore SA2001 unlocking is what saves
	w.Lock()
	w.changed()
	w.changed()
	w.Unlock()
	w.Lock()
	w.Unlock() //lint:ignore SA2001 unlocking is what saves
	if saves != 1 {
		t.Errorf("saved %d times", saves)
	}
}
