package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Baseline does so many cases of a dead upstream as plain processes beside the lab's own, with no sandbox and no evidence, and
// tells how long they took: the yardstick of the benchmarks.
func (l *Lab) Baseline(ctx context.Context, cases, parallel int) (time.Duration, error) {
	var took agentapi.BaselineTook
	err := l.gateway.client.Call(ctx, "", "Baseline", agentapi.BaselineSpec{Cases: cases, Parallel: parallel}, &took)
	return took.Took, err
}

// Load sends so many requests to an address of the sandbox ("192.0.2.80:80" is the gateway) over so many kept connections,
// and tells how long that took.
func (c *Sandbox) Load(ctx context.Context, to string, requests, connections int) (time.Duration, error) {
	var took agentapi.BaselineTook
	err := c.call(ctx, "Load", agentapi.LoadSpec{To: to, Requests: requests, Connections: connections}, &took)
	return took.Took, err
}

// Memory is how many bytes of memory the lab's first container uses, page cache included, as the engine tells it.
func (l *Lab) Memory(ctx context.Context) (uint64, error) {
	stats, err := l.engine.Client().ContainerStats(ctx, l.gateway.container.GetContainerID(), client.ContainerStatsOptions{})
	if err != nil {
		return 0, fmt.Errorf("asking the engine for the lab's memory: %w", err)
	}
	defer stats.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(stats.Body).Decode(&s); err != nil {
		return 0, fmt.Errorf("reading the lab's memory: %w", err)
	}
	return s.MemoryStats.Usage, nil
}
