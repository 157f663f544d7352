// Package cost says what a night cost and what is billing now. The bill is a
// pure fold of the journal's records over a dated book of list prices: it asks
// nobody, so the screen, `status` and a report a year later all agree.
//
// It is an estimate. AWS tells the true bill a day later; where the journal
// cannot prove an instant, the line says so and errs on the dear side.
package cost

import (
	"fmt"
	"time"
)

// Micros is an amount of money in millionths of a US dollar.
type Micros int64

// Dollar is one US dollar.
const Dollar Micros = 1_000_000

// String writes dollars and cents, $0.18; a part of a cent gets four digits,
// $0.0042.
func (m Micros) String() string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	if m > 0 && m < Dollar/100 {
		tenths := max(1, (m+50)/100)
		return fmt.Sprintf("%s$0.%04d", sign, tenths)
	}
	cents := (m + 5000) / 10_000
	return fmt.Sprintf("%s$%d.%02d", sign, cents/100, cents%100)
}

// For is what d costs at m an hour, rounded to the nearest millionth. Neither
// may be negative. It does not overflow below a thousand dollars an hour for a
// century.
func (m Micros) For(d time.Duration) Micros {
	seconds := int64(d / time.Second)
	return Micros((int64(m)*seconds + 1800) / 3600)
}
