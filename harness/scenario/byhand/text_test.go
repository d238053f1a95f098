package byhand

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/scenario"
)

func TestClaim_SaysWhyTheGatewayDiffers(t *testing.T) {
	c := Claim{Expect: scenario.Expectation{Status: 502}}
	if got := c.String(); strings.Contains(got, "why:") {
		t.Errorf("no reason, and yet %q", got)
	}
	c.Reason = "nginx refuses it since 1.23.0."
	if got := c.String(); !strings.Contains(got, "\nwhy:     nginx refuses it since 1.23.0.\n") {
		t.Errorf("the reason is not in %q", got)
	}
}
