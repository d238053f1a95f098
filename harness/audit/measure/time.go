package measure

import (
	"fmt"
	"time"

	"github.com/badgateway/badgateway/harness/lab"
)

// reportClock says whose time the check is in, in the report and before it begins.
func (s *session) reportClock() {
	clock := s.lab.Clock()
	s.report.Clock, s.report.ClockWhy, s.report.ClockUnasked = clock.Kind, clock.Why, clock.Unasked
	s.options.Logger.Info(fmt.Sprintf("%s, %v", s.report.Gateway, clock))
	if clock.Kind == lab.ClockReal {
		s.report.Notes = append(s.report.Notes, fmt.Sprintf("All of this was waited for in real time, as %s: errors are looked for up to %v "+
			"after the upstream is well, and no answer is waited for longer than %v.", clock.Why, realObservation, realWaitLimit))
	}
}

// In real time nobody waits for a day, or looks for an hour whether an upstream is used again.
const (
	realWaitLimit   = 5*time.Minute + 15*time.Second
	realObservation = time.Minute + time.Second
)

// waitLimit bounds every wait, in the config's time: where the clock is moved a day and an hour, as a day is the longest that
// configs set.
func (s *session) waitLimit() time.Duration {
	if s.report.Clock == lab.ClockReal {
		return realWaitLimit
	}
	return 25 * time.Hour
}

// observation is for how long the lab looks for an answer that is good again.
func (s *session) observation() time.Duration {
	if s.report.Clock == lab.ClockReal {
		return realObservation
	}
	return time.Hour + time.Second
}

// warn says, where the time is real and nobody asked for that, why, and about how long these jobs take.
func (s *session) warn(jobs []job) {
	if w := s.lab.Clock().Warning(s.estimate(jobs)); w != "" {
		s.options.Logger.Warn(w)
	}
}

// estimate is about how long the jobs take in real time: where an upstream is silent, as long as gateways wait by default.
func (s *session) estimate(jobs []job) (sum time.Duration) {
	for _, j := range jobs {
		sum += 10 * time.Second // until its peers are used again
		switch j.fault.ID {
		case "off", "silent", "slow", "does-not-read", "stalled", "one-silent":
			sum += time.Minute
		}
	}
	return sum / time.Duration(max(min(s.options.Parallel, len(jobs)), 1))
}
