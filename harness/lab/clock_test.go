package lab

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

func TestALabSaysWhoseTimeItIs(t *testing.T) {
	g := NewWithT(t)
	d := gateway.Driver{Image: "nginx:1.29"}
	moved, asked := clockOf(d, ""), askedForRealTime
	unasked := clockOf(d, "/usr/sbin/nginx is a static program, which loads no library")
	g.Expect(moved.String()).To(Equal("moved clock: the gateway's clock is sent forward, so no wait takes its time"))
	g.Expect(asked.String()).To(Equal("real time, as it was asked for (--real-time)"))
	g.Expect(unasked.String()).To(Equal("real time, as /usr/sbin/nginx is a static program, which loads no library"))

	g.Expect(clockOf(gateway.Driver{Pace: 20}, "").String()).To(Equal("scaled clock: the gateway's clock goes 20 times as fast, where something waits"))

	g.Expect(moved.Warning(time.Hour)).To(BeEmpty())
	g.Expect(asked.Warning(time.Hour)).To(BeEmpty(), "who asked for it need not be warned")
	g.Expect(unasked.Warning(90 * time.Minute)).To(And(ContainSubstring("static program"), ContainSubstring("90 min"), ContainSubstring("nginx:1.29"), ContainSubstring("--real-time")))
}

func TestPace(t *testing.T) {
	g := NewWithT(t)
	faster := &Program{driver: gateway.Driver{Pace: 20}}
	faster.clock = clockOf(faster.driver, "")
	moved := &Program{clock: clockOf(gateway.Driver{}, "")}

	c := &Sandbox{setup: Setup{Clock: true}, program: faster}
	g.Expect([]any{c.Clocked(), c.Moves(), c.pace()}).To(Equal([]any{true, false, 20.0}))
	g.Expect(c.byClock(3 * time.Second)).To(Equal(time.Minute))
	g.Expect(c.real(time.Minute)).To(Equal(3 * time.Second))
	g.Expect(c.margin(time.Minute)).To(Equal(2*time.Second), "half of what a judge allows: a second, and the 3 s that were waited")

	c.setup.Pace = 5
	g.Expect(c.real(time.Minute)).To(Equal(12*time.Second), "a setup may ask for a slower one")
	g.Expect(c.margin(time.Minute)).To(Equal(3*time.Second), "for which no more than 5 s are allowed beside the second")
	g.Expect(c.Clock()).To(Equal(scaledClock(5)))

	c.setup.KernelTime = true
	g.Expect([]any{c.Moves(), c.pace()}).To(Equal([]any{false, 1.0}), "by hand it goes as the hand's clock does")
	c = &Sandbox{program: faster}
	g.Expect([]any{c.Clocked(), c.pace()}).To(Equal([]any{false, 0.0}), "nothing waits in it")
	c = &Sandbox{setup: Setup{Clock: true}, program: moved}
	g.Expect([]any{c.Moves(), c.pace(), c.margin(time.Minute), c.real(time.Minute)}).To(Equal([]any{true, 0.0, LookMargin, time.Minute}))
}

func TestWhatIsLateForAKnownReasonProvesNothing(t *testing.T) {
	g := NewWithT(t)
	late := func(late, ready, starved time.Duration) string {
		p := &Program{driver: gateway.Driver{Pace: 20}}
		p.clock = clockOf(p.driver, "")
		c := &Sandbox{setup: Setup{Clock: true}, program: p}
		c.noteDelay(late, time.Minute, ready, starved) // a judge allows 4 s
		return c.TooLate()
	}
	g.Expect(late(58*time.Second, time.Second, 0)).To(BeEmpty(), "the gateway itself waited twice as long")
	g.Expect(late(58*time.Second, 55*time.Second, 0)).To(ContainSubstring("58.0 s late"))
	g.Expect(late(10*time.Second, 2*time.Second, 4*time.Second)).To(ContainSubstring("for 4.0 s for want of a processor"))
}
