package lab

import (
	"testing"
	"time"
)

func TestALabThatIsFarAwayHasMoreAtOnce(t *testing.T) {
	for away, want := range map[time.Duration]int{
		0: 0, 300 * time.Microsecond: 0, 3 * time.Millisecond: 0, 40 * time.Millisecond: 10, time.Second: 28,
	} {
		if got := (&Lab{away: away}).Spare(); got != want {
			t.Errorf("%v away: %d more at once, want %d", away, got, want)
		}
	}
}
