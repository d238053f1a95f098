package agentapi

import (
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
)

func TestOverrunKnowsWhyAWorldWasEnded(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Overrun(nil)).To(Succeed())
	g.Expect(Overrun(errors.New("connection refused"))).To(Succeed())
	g.Expect(Overrun(fmt.Errorf("running nginx: %s; they were ended", Multiplied))).To(MatchError(ErrMultiplied))
	g.Expect(Overrun(fmt.Errorf("running nginx: %s; they were ended", OutOfMemory))).To(MatchError(ErrOutOfMemory))
}
