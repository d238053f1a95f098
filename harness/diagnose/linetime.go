package diagnose

import (
	"time"
)

// InZone takes a time without a zone for one of the zone of now, and one without a year for the last such before now. A time
// that names its zone stays the same moment.
func (l *Line) InZone(now time.Time) {
	switch t := l.Time; {
	case t.IsZero():
	case l.Zoned:
		l.Time = t.In(now.Location())
	default:
		if l.NoYear {
			l.Time = lastBefore(t, now)
		} else {
			l.Time = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
		}
		l.Zoned, l.NoYear = true, false
	}
}

// lastBefore is the last time before now, or within a day after it, as clocks differ, that has the date and the hour of t, in now's zone.
func lastBefore(t, now time.Time) time.Time {
	at := time.Date(now.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())
	if at.After(now.AddDate(0, 0, 1)) {
		return at.AddDate(-1, 0, 0)
	}
	return at
}
