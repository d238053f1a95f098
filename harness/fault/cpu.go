package fault

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/lab"
)

// CPUQuota cuts the share of processors that a real upstream's container has, as a hosting tariff does.
type CPUQuota struct {
	Upstream string
	CPUs     float64 // of one processor: 0.02 is two milliseconds in each tenth of a second
}

// Do sets the quota.
func (f CPUQuota) Do(ctx context.Context, c *lab.Sandbox) error {
	return c.LimitCPUs(ctx, f.Upstream, f.CPUs)
}

// Undo gives back what the cell was set up with.
func (f CPUQuota) Undo(ctx context.Context, c *lab.Sandbox) error {
	u, err := c.Upstream(f.Upstream)
	if err != nil {
		return err
	}
	return c.LimitCPUs(ctx, f.Upstream, u.Real.CPUs)
}

func (f CPUQuota) String() string {
	return fmt.Sprintf("%s has %.0f %% of a processor", f.Upstream, 100*f.CPUs)
}
