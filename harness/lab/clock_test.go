package lab

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestALabSaysWhoseTimeItIs(t *testing.T) {
	g := NewWithT(t)
	moved, asked := clockOf(""), askedForRealTime
	unasked := clockOf("/usr/sbin/nginx is a static program, which loads no library")
	g.Expect(moved.String()).To(Equal("moved clock: the gateway's clock is sent forward, so no wait takes its time"))
	g.Expect(asked.String()).To(Equal("real time, as it was asked for (--real-time)"))
	g.Expect(unasked.String()).To(Equal("real time, as /usr/sbin/nginx is a static program, which loads no library"))

	g.Expect(moved.Warning(time.Hour)).To(BeEmpty())
	g.Expect(asked.Warning(time.Hour)).To(BeEmpty(), "who asked for it need not be warned")
	g.Expect(unasked.Warning(90 * time.Minute)).To(And(ContainSubstring("static program"), ContainSubstring("90 min"), ContainSubstring("--real-time")))
}
