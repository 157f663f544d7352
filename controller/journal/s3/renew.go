package journals3

import (
	"context"
	"fmt"
	"time"

	"lamplighter/resources"
)

// Ensure makes sure that at least margin of the lease is left, and says in it
// what is being done. It renews when less than two thirds of the TTL remain; a
// renewal that fails in passing is no error while margin is left. A lease that
// ran out unnoticed is renewed too: the write's condition proves that nobody
// took it meanwhile.
//
// A Fenced fault means that another holds it, or that nobody does any more:
// stop. Any other fault means that nothing may be done now.
func (l *Lease) Ensure(ctx context.Context, margin time.Duration, doing string) error {
	if !l.holding {
		return resources.Faultf(resources.Fenced, "this controller holds no lease")
	}
	if left := l.Left(); left >= margin && 3*left >= 2*l.TTL() {
		return nil
	}
	err := l.renew(ctx, doing)
	left := l.Left()
	switch {
	case resources.ClassOf(err) == resources.Fenced:
		return err
	case left >= margin:
		return nil
	case err == nil:
		return resources.Faultf(resources.Retry, "the lease was renewed, but only %v of it are left and %v are needed", left, margin)
	}
	return &resources.Fault{Class: resources.Retry, Code: resources.CodeOf(err), Hint: resources.HintOf(err), Err: err,
		Msg: fmt.Sprintf("the lease has %v left and could not be renewed: %v", left.Round(time.Second), err)}
}

// renew moves the end of the lease. Whatever the answer, the object itself
// tells whether the write is there.
func (l *Lease) renew(ctx context.Context, doing string) error {
	return retry(ctx, l.Clock, func() (done bool, err error) {
		now := l.Clock.Now()
		next := l.held
		next.Expires, next.Doing = now.Add(l.TTL()).UTC(), doing
		etag, err := l.write(ctx, next, l.etag)
		if err != nil && !passing(err) && !lostRace(err) {
			return true, err
		}
		if err != nil {
			landed, lookErr := l.landed(ctx, next, &etag)
			if lookErr != nil {
				return !passing(lookErr), lookErr
			}
			if !landed {
				return false, err
			}
		}
		l.held, l.etag, l.until = next, etag, now.Add(l.TTL())
		return true, nil
	})
}

// landed looks whether a write of ours is in the lease after all, and if so
// sets etag. It takes over the ETag of any other write of ours that it finds:
// one whose answer got lost may have come late. A Fenced fault means that the
// lease is another's.
func (l *Lease) landed(ctx context.Context, want Holder, etag *string) (bool, error) {
	got, gotTag, err := l.read(ctx)
	switch {
	case resources.ClassOf(err) == resources.Gone:
		l.holding = false
		return false, &resources.Fault{Class: resources.Fenced, Msg: "the lease " + l.URI + " was deleted while this controller held it"}
	case err != nil:
		return false, err
	case got.Epoch != l.held.Epoch || got.Owner != l.Me.Owner:
		l.holding = false
		return false, &resources.Fault{Class: resources.Fenced, Msg: "another controller acts for this pipeline: " + got.String()}
	}
	l.etag, *etag = gotTag, gotTag
	return got.Expires.Equal(want.Expires) && got.Doing == want.Doing, nil
}

// Release lets the lease go at once, so that nobody need wait for its end. It
// is no error that it is not ours any more. Afterwards nothing may be done
// until the next Acquire, even when an error is returned.
func (l *Lease) Release(ctx context.Context) error {
	if !l.holding {
		return nil
	}
	l.holding = false
	return retry(ctx, l.Clock, func() (done bool, err error) {
		next := l.held
		next.Owner, next.Doing, next.Expires = "", "released", l.Clock.Now().UTC()
		_, err = l.write(ctx, next, l.etag)
		if !lostRace(err) {
			return !passing(err), err
		}
		got, etag, err := l.read(ctx)
		switch {
		case resources.ClassOf(err) == resources.Gone:
			return true, nil
		case err != nil:
			return !passing(err), err
		}
		l.etag = etag // an earlier renewal of ours may have come late
		return got.Owner != l.Me.Owner || got.Epoch != l.held.Epoch, nil
	})
}
