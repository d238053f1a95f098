package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// runSealed makes and starts a container that is connected to no network but those of its own network mode. The container
// is not nil where one was made, also with an error.
//
// Testcontainers, left alone, looks for a network called "bridge". Where the engine has none, it makes one, which it leaves,
// and connects the container to that, whatever its network mode says. A network that is there, named to it as the default,
// is one that it takes for connected already.
func runSealed(ctx context.Context, c *client.Client, request testcontainers.ContainerRequest) (testcontainers.Container, error) {
	networks, err := c.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the engine's networks: %w", err)
	}
	if len(networks.Items) == 0 {
		return nil, errors.New("the engine has no network at all, not even that of containers without one")
	}
	provider, err := testcontainers.NewDockerProvider(
		testcontainers.WithDefaultBridgeNetwork(networks.Items[0].Name), testcontainers.WithLogger(silent{}))
	if err != nil {
		return nil, err
	}
	defer provider.Close()
	return provider.RunContainer(ctx, request)
}

// noNetwork makes sure of it.
func noNetwork(endpoints map[string]*network.EndpointSettings) { clear(endpoints) }

type silent struct{}

func (silent) Printf(string, ...any) {}
