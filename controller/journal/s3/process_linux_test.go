package journals3_test

import (
	"os/exec"
	"runtime"
	"testing"

	journals3 "lamplighter/controller/journal/s3"
)

func TestAliveIsFalseOnlyWhenProven(t *testing.T) {
	me := journals3.Process()
	if me.Host == "" || me.Boot == "" || me.PIDNS == "" || me.PID == 0 || me.Start == "" {
		t.Fatalf("this process: %+v", me)
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Skip(err)
	}
	with := func(change func(*journals3.Identity)) journals3.Identity {
		id := me
		change(&id)
		return id
	}
	for _, test := range []struct {
		name string
		id   journals3.Identity
		want bool
	}{
		{"itself", me, true},
		{"its id, another start", with(func(i *journals3.Identity) { i.Start += "0" }), false},
		{"an ended process", with(func(i *journals3.Identity) { i.PID = dead.Process.Pid }), false},
		{"ended, on another host", with(func(i *journals3.Identity) { i.PID, i.Host = dead.Process.Pid, "other" }), true},
		{"ended, before a reboot", with(func(i *journals3.Identity) { i.PID, i.Boot = dead.Process.Pid, "other" }), true},
		{"ended, in another namespace", with(func(i *journals3.Identity) { i.PID, i.PIDNS = dead.Process.Pid, "other" }), true},
		{"nothing known", journals3.Identity{}, true},
		{"no start known", with(func(i *journals3.Identity) { i.PID, i.Start = dead.Process.Pid, "" }), true},
	} {
		if got := me.Alive(journals3.Holder{Identity: test.id}); got != test.want {
			t.Errorf("%s: alive %v, want %v", test.name, got, test.want)
		}
	}
}

func TestAliveOfZombie(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Skip(err)
	}
	id := journals3.ProcessOf(child.Process.Pid)
	me := journals3.Process()
	if !me.Alive(journals3.Holder{Identity: id}) {
		t.Fatalf("a running child counts as dead: %+v", id)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for me.Alive(journals3.Holder{Identity: id}) { // not waited for: it becomes a zombie
		runtime.Gosched()
	}
	_ = child.Wait()
}
